package dev.starling.runtime.exec;

import dev.starling.runtime.ExecProcess;
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
    private final InputPump input;
    private final CompletableFuture<OptionalInt> exit = new CompletableFuture<>();

    /** On the loop's thread only, as all below. */
    private boolean paused;
    private boolean over;
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
        this.input = new InputPump(kernel, loop, child.input());
    }

    /** Takes {@code child} over. */
    public static ExecSession start(Kernel kernel, EventLoop loop, ExecChild child, Output sink) {
        ExecSession session = new ExecSession(kernel, loop, child, sink);
        if (!loop.execute(session::begin)) {
            session.abandon();
        }
        return session;
    }

    private void begin() {
        watchOutput();
        loop.watch(child.process(), this::processReadable);
    }

    private void watchOutput() {
        for (Source source : sources()) {
            if (source.watched || source.ended) {
                continue;
            }
            source.watched = true;
            loop.watch(source.file, () -> read(source));
        }
    }

    private Source[] sources() {
        return error == null ? new Source[] {output} : new Source[] {output, error};
    }

    private void unwatchOutput() {
        for (Source source : sources()) {
            if (source.watched) {
                loop.unwatch(source.file);
            }
            source.watched = false;
        }
    }

    private void read(Source source) {
        if (!source.watched) {
            return;
        }
        if (readOnce(source) && paused) {
            unwatchOutput();
        }
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
        if (over || !kernel.waitReadable(child.process(), 0)) {
            return;
        }
        over = true;
        OptionalInt exitCode = ExitStatus.of(kernel, child.pid(), child.process());
        unwatchOutput();
        for (Source source : sources()) {
            for (int i = 0; i < MAX_LAST_READS && !source.ended && readOnce(source); i++) {
                // until the pipe is empty
            }
        }
        loop.unwatch(child.process());
        input.close("the process has ended");
        closeOutputs();
        exit.complete(exitCode);
    }

    private synchronized void closeOutputs() {
        child.process().close();
        for (Source source : sources()) {
            source.file.close();
        }
        closed = true;
    }

    /** The runtime is closing: the process goes on, its streams end. On the loop's thread, or where there is none any more. */
    public void abandon() {
        if (over) {
            return;
        }
        over = true;
        if (child.input() != null) {
            child.input().close();
        }
        closeOutputs();
        exit.complete(OptionalInt.empty());
    }

    @Override
    public int pid() {
        return child.pid();
    }

    @Override
    public CompletionStage<Void> write(byte[] bytes) {
        return input.write(bytes);
    }

    @Override
    public void closeInput() {
        loop.execute(() -> {
            if (!child.terminal()) {
                input.closeAtEnd();
            }
        });
    }

    @Override
    public synchronized void resize(int rows, int columns) {
        if (child.terminal() && !closed) {
            Terminal.resize(kernel, child.output(), rows, columns);
        }
    }

    @Override
    public void resumeOutput() {
        loop.execute(() -> {
            paused = false;
            if (!over) {
                watchOutput();
            }
        });
    }

    @Override
    public synchronized void signal(int signal) {
        if (!closed) {
            kernel.signal(child.process(), signal);
        }
    }

    @Override
    public CompletionStage<OptionalInt> exit() {
        return exit;
    }
}
