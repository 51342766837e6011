package dev.starling.node.image;

import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.node.host.Threads;
import dev.starling.runtime.image.BlobPart;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.registry.BandwidthLimit;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where other nodes of the swarm fetch what this one keeps of images: a piece at a time, so that a probe of the failure detector never waits
 * behind more than one piece for each node that fetches. Two pieces are read at a time and {@link #WAITING} wait; more are told to come again.
 *
 * <p>A request is {@code HEX OFFSET}. The answer is {@code 1} and the bytes there, as many as a piece has or fewer at the end; or {@code 2} and the bytes
 * there as far as they have come, where this node is itself downloading the blob; or {@code 0}: not here.
 */
public final class BlobDesk implements AutoCloseable {
    static final int PIECE_BYTES = 128 << 10;
    static final byte NOT_HERE = 0;
    static final byte HERE = 1;
    static final byte COMING = 2;
    private static final int THREADS = 2;
    private static final int WAITING = 64;
    private static final long IDLE_SECONDS = 5;
    private static final int MAX_REQUEST_BYTES = 96;
    private static final Pattern REQUEST = Pattern.compile("([0-9a-f]{64}) ([0-9]{1,15})");

    private final ImageStore images;
    private final BandwidthLimit bandwidth;
    private final LongAdder served = new LongAdder();
    private final ThreadPoolExecutor readers = new ThreadPoolExecutor(
            THREADS, THREADS, IDLE_SECONDS, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING), Threads.named("blobs"));

    /** @param bytesPerSecond that are given away; 0 for no limit */
    public BlobDesk(ImageStore images, long bytesPerSecond) {
        this.images = images;
        this.bandwidth = new BandwidthLimit(bytesPerSecond);
        readers.allowCoreThreadTimeOut(true);
    }

    /** Any node of the swarm may ask: whoever knows a digest has seen the manifest that names it. */
    public CompletionStage<byte[]> answer(PeerIdentity from, byte[] request) {
        Matcher matcher = REQUEST.matcher(
                request.length > MAX_REQUEST_BYTES ? "" : new String(request, StandardCharsets.US_ASCII));
        if (!matcher.matches()) {
            return CompletableFuture.failedFuture(new IllegalArgumentException("no request for a blob"));
        }
        try {
            return CompletableFuture.supplyAsync(
                    () -> piece(Digest.parse("sha256:" + matcher.group(1), "request"), Long.parseLong(matcher.group(2))), readers);
        } catch (RejectedExecutionException busy) {
            return CompletableFuture.failedFuture(new IllegalStateException("busy with " + WAITING + " other requests for images"));
        }
    }

    private byte[] piece(Digest digest, long offset) {
        BlobPart part = images.readBlob(digest, offset, PIECE_BYTES);
        if (part == null) {
            return new byte[] {NOT_HERE};
        }
        byte[] content = part.bytes();
        try {
            bandwidth.take(content.length);
        } catch (InterruptedIOException end) {
            throw new CompletionException(end);
        }
        served.add(content.length);
        byte[] answer = new byte[content.length + 1];
        answer[0] = part.more() ? COMING : HERE;
        System.arraycopy(content, 0, answer, 1, content.length);
        return answer;
    }

    public long served() {
        return served.sum();
    }

    @Override
    public void close() {
        readers.shutdownNow();
    }
}
