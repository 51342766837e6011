package dev.starling.node.image;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.member.Member;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.ImageSource;
import dev.starling.runtime.image.PieceStream;
import dev.starling.runtime.image.RegistryReference;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.function.Function;

/**
 * The site as a source: a node of it that is downloading the blob just now, or has done so. It has nothing where this node is the one to download, so that
 * the next source is asked: a node far away, the registry. A node that has not got the blob after all, or stands still, is told to the steward, and the
 * next one is followed from where that one was left; after {@link #MOST} of them this node goes on by itself.
 */
final class SiteSource implements ImageSource {
    private static final int MOST = 3;

    private final DownloadStewards stewards;
    /** Null for a node that is not up. */
    private final Function<NodeId, Member> members;
    private final NodeId self;
    private final Function<Member, PeerSource> peers;

    SiteSource(Site site, DownloadStewards stewards, Function<Member, PeerSource> peers) {
        this.stewards = stewards;
        this.members = site::member;
        this.self = site.self();
        this.peers = peers;
    }

    @Override
    public byte[] manifest(RegistryReference reference) throws IOException {
        return PeerSource.manifest(this, reference);
    }

    @Override
    public InputStream blob(RegistryReference repository, Digest digest, long offset) throws IOException {
        Following following = new Following(repository, digest, offset);
        following.next(null);
        return following;
    }

    /** A blob out of what one node after the other has of it. */
    private final class Following extends PieceStream {
        private final RegistryReference repository;
        private final Digest digest;
        private long position;
        private int followed;
        private NodeId node;
        private InputStream stream;

        Following(RegistryReference repository, Digest digest, long offset) {
            this.repository = repository;
            this.digest = digest;
            this.position = offset;
        }

        /** @throws RuntimeShimException NOT_FOUND where it is this node's turn to download */
        private void next(NodeId useless) throws InterruptedIOException {
            NodeId left = useless;
            while (followed++ < MOST) {
                node = stewards.follow(digest, left);
                Member member = node.equals(self) ? null : members.apply(node);
                if (member == null) {
                    break;
                }
                try {
                    stream = peers.apply(member).blob(repository, digest, position);
                    return;
                } catch (InterruptedIOException end) {
                    throw end;
                } catch (IOException | RuntimeShimException without) {
                    left = node;
                }
            }
            throw RuntimeShimException.notFound("no other node of the site is downloading " + digest);
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            while (true) {
                try {
                    int count = stream.read(target, offset, length);
                    position += Math.max(count, 0);
                    return count;
                } catch (InterruptedIOException end) {
                    throw end;
                } catch (IOException | RuntimeShimException standing) {
                    leave(standing);
                }
            }
        }

        private void leave(Exception why) throws IOException {
            NodeId before = node;
            try {
                next(before);
            } catch (RuntimeShimException ownTurn) {
                throw new IOException("node " + before + " does not get on (" + why.getMessage() + "), this one downloads by itself", why);
            }
        }
    }
}
