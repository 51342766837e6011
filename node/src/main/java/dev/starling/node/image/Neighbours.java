package dev.starling.node.image;

import dev.starling.gossip.member.Member;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeReport;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.ImageSource;
import dev.starling.runtime.image.RegistryReference;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Nodes to fetch an image from before the registry is asked: some of those whose records say that they have it, in an order of chance so that
 * not all ask the same one. Each piece is asked for when the one before it is written, so a fetch has one piece on the wire.
 *
 * <p>A node knows no tags for others: what a tag stands for is the registry's word. What is pinned to a digest needs no registry.
 */
public final class Neighbours implements Function<RegistryReference, List<ImageSource>> {
    private static final int MOST = 3;
    private static final int MANIFEST_BYTES = 4 << 20;
    private static final long WAIT_SECONDS = 15;

    private final Supplier<ClusterSnapshot> snapshots;
    private final BiFunction<Member, byte[], CompletableFuture<byte[]>> ask;

    public Neighbours(Supplier<ClusterSnapshot> snapshots, BiFunction<Member, byte[], CompletableFuture<byte[]>> ask) {
        this.snapshots = snapshots;
        this.ask = ask;
    }

    @Override
    public List<ImageSource> apply(RegistryReference reference) {
        ClusterSnapshot snapshot = snapshots.get();
        String wanted = reference.digest().isEmpty() ? reference.familiar() : reference.digest();
        List<ImageSource> sources = new ArrayList<>();
        for (Member member : snapshot.members().values()) {
            NodeReport report = snapshot.reports().get(member.id());
            if (!member.id().equals(snapshot.self()) && member.status().isUp() && report != null && report.images().contains(wanted)) {
                sources.add(new Neighbour(member));
            }
        }
        Collections.shuffle(sources, ThreadLocalRandom.current());
        return sources.subList(0, Math.min(MOST, sources.size()));
    }

    private final class Neighbour implements ImageSource {
        private final Member member;

        Neighbour(Member member) {
            this.member = member;
        }

        @Override
        public byte[] manifest(RegistryReference reference) throws IOException {
            ByteArrayOutputStream content = new ByteArrayOutputStream();
            try (InputStream in = blob(reference, Digest.parse(reference.digest(), "reference"), 0)) {
                content.write(in.readNBytes(MANIFEST_BYTES));
            }
            return content.toByteArray();
        }

        @Override
        public InputStream blob(RegistryReference repository, Digest digest, long offset) throws IOException {
            byte[] first = piece(digest, offset); // now, so that a node without it is passed over
            return new Pieces(digest, offset, first);
        }

        private byte[] piece(Digest digest, long offset) throws IOException {
            byte[] answer;
            try {
                answer = ask.apply(member, (digest.hex() + " " + offset).getBytes(StandardCharsets.US_ASCII)).get(WAIT_SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException | TimeoutException failure) {
                throw new IOException("node " + member.id() + ": " + (failure.getCause() == null ? failure : failure.getCause()).getMessage(), failure);
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while waiting for node " + member.id());
            }
            if (answer.length == 0 || answer[0] != BlobDesk.HERE) {
                throw RuntimeShimException.notFound("node " + member.id() + " has no blob " + digest);
            }
            return Arrays.copyOfRange(answer, 1, answer.length);
        }

        /** A blob, piece by piece; it ends with one that is not full. */
        private final class Pieces extends InputStream {
            private final Digest digest;
            private long next;
            private byte[] piece;
            private int position;

            Pieces(Digest digest, long offset, byte[] first) {
                this.digest = digest;
                this.next = offset + first.length;
                this.piece = first;
            }

            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                if (length == 0) {
                    return 0;
                }
                if (position == piece.length) {
                    if (piece.length < BlobDesk.PIECE_BYTES) {
                        return -1;
                    }
                    piece = piece(digest, next);
                    next += piece.length;
                    position = 0;
                    if (piece.length == 0) {
                        return -1;
                    }
                }
                int count = Math.min(length, piece.length - position);
                System.arraycopy(piece, position, target, offset, count);
                position += count;
                return count;
            }

            private byte[] piece(Digest wanted, long offset) throws IOException {
                return Neighbour.this.piece(wanted, offset);
            }
        }
    }
}
