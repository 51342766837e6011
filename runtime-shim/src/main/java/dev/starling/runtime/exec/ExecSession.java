package dev.starling.runtime.exec;

import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.ExecChild;
import dev.starling.runtime.launch.ExitStatus;
import dev.starling.runtime.launch.Terminal;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import jnr.ffi.Pointer;

/**
 * The agent's side of a process that was added to a container: carries its streams and waits for its end, on the event loop's thread alone.
 *
 * <p>It ends with the process: what is in the pipes by then is handed out, and a child that holds them open does not keep it.
 */
public final class ExecSession implements ExecProcess {
    private static final int READ_BYTES = 32 * 1024;
    /** More than the pipes of a process hold. */
    private static final int MAX_LAST_READS = 64;

    private static final class Source {
        final int stream;
        final Descriptor file;
        boolean watched;
        boolean ended;

        Source(int stream, Descriptor file) {
            this.stream = stream;
            this.file = file;
        }
    }

    private final Kernel kernel;
    private final EventLoop loop;
    private final ExecChild child;
    private final Output sink;
    private final Pointer buffer;
    private final Source output;
    private final Source error;
    private final CompletableFuture<OptionalInt> exit = new CompletableFuture<>();

    /** On the loop's thread only, as all below. */
    private boolean paused;
    private boolean over;
    private byte[] pending;
    private int written;
    private CompletableFuture<Void> pendingDone;
    private boolean inputWatched;
    private boolean inputClosing;
    private boolean inputClosed;
    /** Guarded by this: signals and sizes come from any thread. */
    private boolean closed;

    private ExecSession(Kernel kernel, EventLoop loop, ExecChild child, Output sink) {
        this.kernel = kernel;
        this.loop = loop;
        this.child = child;
        this.sink = sink;
        this.buffer = kernel.memory(READ_BYTES);
        this.output = new Source(1, child.output());
        this.error = child.error() == null ? null : new Source(2, child.error());
        this.inputClosed = child.input() == null;
    }

    /** Takes {@code child} over. */
    public static ExecSession start(Kernel kernel, EventLoop loop, ExecChild child, Output sink) {
        ExecSession session = new ExecSession(kernel, loop, child, sink);
        if (!loop.execute(session::begin)) session.abandon();
        return session;
    }

    private void begin() {
        watchOutput();
        loop.watch(child.process(), this::processReadable);
    }

    private void watchOutput() {
        for (Source source : sources()) {
            if (source.watched || source.ended) continue;
            source.watched = true;
            loop.watch(source.file, () -> read(source));
        }
    }

    private Source[] sources() {
        return error == null ? new Source[] {output} : new Source[] {output, error};
    }

    private void unwatchOutput() {
        for (Source source : sources()) {
            if (source.watched) loop.unwatch(source.file);
            source.watched = false;
        }
    }

    private void read(Source source) {
        if (!source.watched) return;
        if (readOnce(source) && paused) unwatchOutput();
        if (source.ended && source.watched) {
            source.watched = false;
            loop.unwatch(source.file);
        }
    }

    /** @return whether something was handed out */
    private boolean readOnce(Source source) {
        int count = (int) kernel.libc().read(source.file.number(), buffer, READ_BYTES);
        if (count > 0) {
            byte[] bytes = new byte[count];
            buffer.get(0, bytes, 0, count);
            paused = !sink.accept(source.stream, bytes);
            return true;
        }
        // a terminal nobody has open any more answers EIO
        boolean later = count < 0 && (kernel.errno() == Errno.EAGAIN.number() || kernel.errno() == Errno.EINTR.number());
        source.ended = !later;
        return false;
    }

    private void processReadable() {
        if (over || !kernel.waitReadable(child.process(), 0)) return;
        over = true;
        OptionalInt exitCode = ExitStatus.of(kernel, child.pid(), child.process());
        unwatchOutput();
        for (Source source : sources()) {
            for (int i = 0; i < MAX_LAST_READS && !source.ended && readOnce(source); i++) {
                // until the pipe is empty
            }
        }
        loop.unwatch(child.process());
        closeInputNow();
        failPending("the process has ended");
        closeOutputs();
        exit.complete(exitCode);
    }

    private synchronized void closeOutputs() {
        child.process().close();
        for (Source source : sources()) source.file.close();
        closed = true;
    }

    /** The runtime is closing: the process goes on, its streams end. On the loop's thread, or where there is none any more. */
    public void abandon() {
        if (over) return;
        over = true;
        if (child.input() != null) child.input().close();
        closeOutputs();
        exit.complete(OptionalInt.empty());
    }

    @Override
    public int pid() {
        return child.pid();
    }

    @Override
    public CompletionStage<Void> write(byte[] bytes) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        if (!loop.execute(() -> accept(bytes, done))) done.completeExceptionally(refusal("the agent is stopping"));
        return done;
    }

    private void accept(byte[] bytes, CompletableFuture<Void> done) {
        if (inputClosed || inputClosing) {
            done.completeExceptionally(refusal("standard input is closed"));
        } else if (pending != null) {
            done.completeExceptionally(refusal("the last write is not done yet"));
        } else {
            pending = bytes;
            written = 0;
            pendingDone = done;
            pumpInput();
        }
    }

    private static RuntimeShimException refusal(String why) {
        return RuntimeShimException.conflict("write to a process's standard input: " + why);
    }

    private void pumpInput() {
        if (pending == null || inputClosed) return;
        while (written < pending.length) {
            int size = Math.min(READ_BYTES, pending.length - written);
            buffer.put(0, pending, written, size);
            int count = (int) kernel.libc().write(child.input().number(), buffer, size);
            if (count < 0 && kernel.errno() == Errno.EAGAIN.number()) {
                if (!inputWatched) loop.watchWritable(child.input(), this::pumpInput);
                inputWatched = true;
                return;
            }
            if (count < 0) {
                closeInputNow();
                failPending("the process does not read it any more");
                return;
            }
            written += count;
        }
        unwatchInput();
        CompletableFuture<Void> done = pendingDone;
        pending = null;
        pendingDone = null;
        if (inputClosing) closeInputNow();
        done.complete(null);
    }

    private void failPending(String why) {
        if (pending == null) return;
        CompletableFuture<Void> done = pendingDone;
        pending = null;
        pendingDone = null;
        done.completeExceptionally(refusal(why));
    }

    private void unwatchInput() {
        if (inputWatched) loop.unwatch(child.input());
        inputWatched = false;
    }

    private void closeInputNow() {
        if (inputClosed) return;
        unwatchInput();
        child.input().close();
        inputClosed = true;
    }

    @Override
    public void closeInput() {
        loop.execute(() -> {
            if (child.terminal()) return;
            inputClosing = true;
            if (pending == null) closeInputNow();
        });
    }

    @Override
    public synchronized void resize(int rows, int columns) {
        if (child.terminal() && !closed) Terminal.resize(kernel, child.output(), rows, columns);
    }

    @Override
    public void resumeOutput() {
        loop.execute(() -> {
            paused = false;
            if (!over) watchOutput();
        });
    }

    @Override
    public synchronized void signal(int signal) {
        if (!closed) kernel.signal(child.process(), signal);
    }

    @Override
    public CompletionStage<OptionalInt> exit() {
        return exit;
    }
}
