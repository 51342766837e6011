package dev.starling.node.api;

import dev.starling.runtime.image.PieceStream;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A request's body for a thread that blocks. At most {@link #HIGH_BYTES} (and a buffer more) wait in memory: the connection is paused until
 * the reader has caught up. A client that sends nothing for {@link #STALL_SECONDS} fails the read.
 */
final class RequestBodyStream extends PieceStream {
    private static final long HIGH_BYTES = 4 << 20;
    private static final long LOW_BYTES = 1 << 20;
    private static final long STALL_SECONDS = 60;

    private final Context context;
    private final HttpServerRequest request;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Queue<byte[]> waiting = new ArrayDeque<>();
    private long waitingBytes;
    private boolean paused;
    private boolean ended;
    private boolean closed;
    private Throwable failure;
    private byte[] current = new byte[0];
    private int position;

    /** On the event loop, before the body arrives. */
    RequestBodyStream(Context context, HttpServerRequest request) {
        this.context = context;
        this.request = request;
        request.handler(this::arrived);
        request.endHandler(nothing -> finish(null));
        request.exceptionHandler(this::finish);
        request.resume();
    }

    private void arrived(Buffer buffer) {
        lock.lock();
        try {
            if (closed) {
                return; // nobody reads any more: let the rest pass
            }
            waiting.add(buffer.getBytes());
            waitingBytes += buffer.length();
            if (waitingBytes > HIGH_BYTES && !paused) {
                paused = true;
                request.pause();
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void finish(Throwable error) {
        lock.lock();
        try {
            ended = true;
            failure = error;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (position == current.length && !next()) {
            return -1;
        }
        int count = Math.min(length, current.length - position);
        System.arraycopy(current, position, target, offset, count);
        position += count;
        return count;
    }

    private boolean next() throws IOException {
        lock.lock();
        try {
            long nanosLeft = TimeUnit.SECONDS.toNanos(STALL_SECONDS);
            while (waiting.isEmpty()) {
                if (failure != null) {
                    throw new IOException("the client broke off the upload", failure);
                }
                if (ended) {
                    return false;
                }
                if (nanosLeft <= 0) {
                    throw new IOException("the client sent nothing for " + STALL_SECONDS + " s");
                }
                nanosLeft = changed.awaitNanos(nanosLeft);
            }
            current = waiting.remove();
            position = 0;
            waitingBytes -= current.length;
            if (paused && waitingBytes < LOW_BYTES) {
                paused = false;
                context.runOnContext(nothing -> request.resume());
            }
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while reading an upload");
        } finally {
            lock.unlock();
        }
    }

    /** Reads what is left, which no one needs, so that the answer can follow on the same connection. */
    void drain() throws IOException {
        byte[] scratch = new byte[64 << 10];
        while (read(scratch, 0, scratch.length) >= 0) {
            continue;
        }
    }

    /** What still arrives is thrown away. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            waiting.clear();
            waitingBytes = 0;
            context.runOnContext(nothing -> request.resume());
        } finally {
            lock.unlock();
        }
    }
}
