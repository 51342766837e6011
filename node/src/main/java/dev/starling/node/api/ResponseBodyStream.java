package dev.starling.node.api;

import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A response's body for a thread that blocks: the counterpart of {@link RequestBodyStream}. At most {@link #HIGH_BYTES} are under way; a client
 * that takes nothing for {@link #STALL_SECONDS} or goes away fails the write. The head goes out with the first byte, so that what is refused before
 * has a status of its own.
 */
final class ResponseBodyStream extends OutputStream {
    private static final long HIGH_BYTES = 1 << 20;
    private static final long STALL_SECONDS = 60;

    private final Context context;
    private final HttpServerResponse response;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private long underWay;
    private boolean gone;

    /** On the event loop of the request. */
    ResponseBodyStream(Context context, HttpServerResponse response) {
        this.context = context;
        this.response = response;
        response.closeHandler(nothing -> clientLeft());
        response.exceptionHandler(error -> clientLeft());
    }

    private void clientLeft() {
        lock.lock();
        try {
            gone = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] source, int offset, int length) throws IOException {
        if (length == 0) {
            return;
        }
        await(HIGH_BYTES);
        Buffer buffer = Buffer.buffer().appendBytes(source, offset, length);
        lock.lock();
        try {
            underWay += length;
        } finally {
            lock.unlock();
        }
        context.runOnContext(now -> {
            if (response.closed() || response.ended()) {
                clientLeft();
                return;
            }
            if (!response.headWritten()) {
                response.setChunked(true);
            }
            response.write(buffer).onComplete(written -> arrived(length), failed -> clientLeft());
        });
    }

    private void arrived(int length) {
        lock.lock();
        try {
            underWay -= length;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Until less than so much is under way. */
    private void await(long bytes) throws IOException {
        lock.lock();
        try {
            long nanosLeft = TimeUnit.SECONDS.toNanos(STALL_SECONDS);
            while (!gone && underWay >= bytes) {
                long before = underWay;
                nanosLeft = changed.awaitNanos(nanosLeft);
                if (underWay < before) {
                    nanosLeft = TimeUnit.SECONDS.toNanos(STALL_SECONDS);
                } else if (nanosLeft <= 0) {
                    throw new IOException("the client took nothing for " + STALL_SECONDS + " s");
                }
            }
            if (gone) {
                throw new IOException("the client went away");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while writing an answer");
        } finally {
            lock.unlock();
        }
    }
}
