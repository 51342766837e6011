package dev.starling.runtime.exec;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import jnr.ffi.Pointer;

/** Writes to a process's standard input, one piece at a time, as far as the process reads it. On the event loop's thread alone, but for {@link #write}. */
final class InputPump {
    private static final int WRITE_BYTES = 32 * 1024;

    private final Kernel kernel;
    private final EventLoop loop;
    private final Descriptor input;
    private final Pointer buffer;
    private byte[] pending;
    private int written;
    private CompletableFuture<Void> pendingDone;
    private boolean watched;
    private boolean closing;
    private boolean closed;

    /** @param input non-blocking; null where there is none: closed from the beginning */
    InputPump(Kernel kernel, EventLoop loop, Descriptor input) {
        this.kernel = kernel;
        this.loop = loop;
        this.input = input;
        this.buffer = kernel.memory(WRITE_BYTES);
        this.closed = input == null;
    }

    /** From any thread; done when the process has all of it. */
    CompletionStage<Void> write(byte[] bytes) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        if (!loop.execute(() -> accept(bytes, done))) {
            done.completeExceptionally(refusal("the agent is stopping"));
        }
        return done;
    }

    private void accept(byte[] bytes, CompletableFuture<Void> done) {
        if (closed || closing) {
            done.completeExceptionally(refusal("standard input is closed"));
        } else if (pending != null) {
            done.completeExceptionally(refusal("the last write is not done yet"));
        } else {
            pending = bytes;
            written = 0;
            pendingDone = done;
            pump();
        }
    }

    private static RuntimeShimException refusal(String why) {
        return RuntimeShimException.conflict("write to a process's standard input: " + why);
    }

    private void pump() {
        if (pending == null || closed) {
            return;
        }
        while (written < pending.length) {
            int size = Math.min(WRITE_BYTES, pending.length - written);
            buffer.put(0, pending, written, size);
            int count = (int) kernel.libc().write(input.number(), buffer, size);
            if (count < 0 && kernel.errno() == Errno.EAGAIN.number()) {
                if (!watched) {
                    loop.watchWritable(input, this::pump);
                }
                watched = true;
                return;
            }
            if (count < 0) {
                close("the process does not read it any more");
                return;
            }
            written += count;
        }
        unwatch();
        CompletableFuture<Void> done = pendingDone;
        pending = null;
        pendingDone = null;
        if (closing) {
            closeNow();
        }
        done.complete(null);
    }

    private void unwatch() {
        if (watched) {
            loop.unwatch(input);
        }
        watched = false;
    }

    private void closeNow() {
        if (closed) {
            return;
        }
        unwatch();
        input.close();
        closed = true;
    }

    /** What is pending fails. */
    void close(String why) {
        closeNow();
        if (pending == null) {
            return;
        }
        CompletableFuture<Void> done = pendingDone;
        pending = null;
        pendingDone = null;
        done.completeExceptionally(refusal(why));
    }

    /** After what is pending. */
    void closeAtEnd() {
        closing = true;
        if (pending == null) {
            closeNow();
        }
    }
}
