package dev.starling.runtime.registry;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.concurrent.TimeUnit;

/**
 * A rate for all streams that share it. Each read reserves its time on one line of time and waits until then, so nobody is starved; at most a
 * quarter of a second of unused rate is saved up. Links of a site are narrow, and gossip has to get through beside an image.
 */
public final class BandwidthLimit {
    public static final BandwidthLimit NONE = new BandwidthLimit(0);
    private static final long BURST_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int LARGEST_READ = 16 << 10;

    private final long bytesPerSecond;
    private long nextNanos = System.nanoTime();

    /** @param bytesPerSecond 0 for no limit */
    public BandwidthLimit(long bytesPerSecond) {
        this.bytesPerSecond = bytesPerSecond;
    }

    public InputStream limited(InputStream in) {
        return bytesPerSecond == 0 ? in : new Limited(in);
    }

    /** Waits until so many bytes may have come. */
    public void take(int bytes) throws InterruptedIOException {
        if (bytesPerSecond == 0) {
            return;
        }
        long wait;
        synchronized (this) {
            long now = System.nanoTime();
            nextNanos = Math.max(nextNanos, now - BURST_NANOS) + bytes * TimeUnit.SECONDS.toNanos(1) / bytesPerSecond;
            wait = nextNanos - now;
        }
        if (wait > 0) {
            try {
                TimeUnit.NANOSECONDS.sleep(wait);
            } catch (InterruptedException stop) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while waiting for bandwidth");
            }
        }
    }

    private final class Limited extends FilterInputStream {
        Limited(InputStream in) {
            super(in);
        }

        @Override
        public int read() throws IOException {
            take(1);
            return in.read();
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            int count = in.read(target, offset, Math.min(length, LARGEST_READ));
            take(Math.max(count, 0));
            return count;
        }
    }
}
