package dev.starling.node.image;

import dev.starling.gossip.member.Member;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.ImageSource;
import dev.starling.runtime.image.PieceStream;
import dev.starling.runtime.image.RegistryReference;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;

/**
 * One other node as a source: its {@link BlobDesk}. Each piece is asked for when the one before it is written, so a fetch has one piece on the wire. What
 * that node is itself downloading comes as far as it has it, and then in its time, as long as there is progress.
 *
 * <p>A node knows no tags for others: what a tag stands for is the registry's word.
 */
final class PeerSource implements ImageSource {
    private static final int MANIFEST_BYTES = 4 << 20;
    private static final long WAIT_SECONDS = 15;

    /**
     * With a node that is still downloading.
     *
     * @param look  between two looks at how far it is
     * @param stall without a byte it is given up after that; longer than most registries take for their first
     */
    record Patience(Duration look, Duration stall) {
        static final Patience DEFAULT = new Patience(Duration.ofMillis(100), Duration.ofSeconds(20));
    }

    private final Member member;
    private final BiFunction<Member, byte[], CompletableFuture<byte[]>> ask;
    private final Patience patience;

    PeerSource(Member member, BiFunction<Member, byte[], CompletableFuture<byte[]>> ask, Patience patience) {
        this.member = member;
        this.ask = ask;
        this.patience = patience;
    }

    @Override
    public byte[] manifest(RegistryReference reference) throws IOException {
        return manifest(this, reference);
    }

    /** A manifest is a blob that has to be whole. */
    static byte[] manifest(ImageSource source, RegistryReference reference) throws IOException {
        try (InputStream in = source.blob(reference, Digest.parse(reference.digest(), "reference"), 0)) {
            return in.readNBytes(MANIFEST_BYTES);
        }
    }

    @Override
    public InputStream blob(RegistryReference repository, Digest digest, long offset) throws IOException {
        return new Pieces(digest, offset, piece(digest, offset)); // asked now, so that a node without it is passed over
    }

    /** @param last the blob ends with it */
    private record Piece(byte[] bytes, boolean last) {}

    private Piece piece(Digest digest, long offset) throws IOException {
        byte[] answer;
        try {
            answer = ask.apply(member, (digest.hex() + " " + offset).getBytes(StandardCharsets.US_ASCII)).get(WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException failure) {
            throw new IOException("node " + member.id() + ": " + (failure.getCause() == null ? failure : failure.getCause()).getMessage(), failure);
        } catch (InterruptedException end) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for node " + member.id());
        }
        boolean coming = answer.length > 0 && answer[0] == BlobDesk.COMING;
        if (!coming && (answer.length == 0 || answer[0] != BlobDesk.HERE)) {
            throw RuntimeShimException.notFound("node " + member.id() + " has no blob " + digest);
        }
        return new Piece(Arrays.copyOfRange(answer, 1, answer.length), !coming && answer.length <= BlobDesk.PIECE_BYTES);
    }

    /** A blob, piece by piece. */
    private final class Pieces extends PieceStream {
        private final Digest digest;
        private long next;
        private Piece piece;
        private int position;
        private long progressNanos = System.nanoTime();

        Pieces(Digest digest, long offset, Piece first) {
            this.digest = digest;
            this.next = offset + first.bytes.length;
            this.piece = first;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            if (length == 0) {
                return 0;
            }
            while (position == piece.bytes.length) {
                if (piece.last) {
                    return -1;
                }
                advance();
            }
            int count = Math.min(length, piece.bytes.length - position);
            System.arraycopy(piece.bytes, position, target, offset, count);
            position += count;
            return count;
        }

        private void advance() throws IOException {
            long now = System.nanoTime();
            if (piece.bytes.length > 0) {
                progressNanos = now;
            } else if (now - progressNanos > patience.stall.toNanos()) {
                throw new IOException("node " + member.id() + " got no further with " + digest + " than " + next + " bytes");
            }
            if (piece.bytes.length < BlobDesk.PIECE_BYTES) {
                pause();
            }
            piece = piece(digest, next);
            next += piece.bytes.length;
            position = 0;
        }

        private void pause() throws InterruptedIOException {
            try {
                Thread.sleep(patience.look.toMillis());
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while waiting for node " + member.id());
            }
        }
    }
}
