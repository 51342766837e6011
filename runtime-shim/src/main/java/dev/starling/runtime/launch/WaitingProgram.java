package dev.starling.runtime.launch;

import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;
import java.util.List;
import jnr.ffi.Pointer;

/**
 * A program of the host that is, for a moment, what a namespace hangs on: once it is in there it says a word on its standard output, and then stays until its
 * standard input ends. To be closed, which waits for its end.
 */
final class WaitingProgram implements AutoCloseable {
    /** The end of a shell's command line for it. */
    static final String SAY_AND_WAIT = "echo ready; read line";
    private static final int READY_TIMEOUT_MILLIS = 10_000;

    private final Kernel kernel;
    private final int pid;
    private final Pipe input;
    private final Pipe output;
    private final boolean ready;

    private WaitingProgram(Kernel kernel, int pid, Pipe input, Pipe output) {
        this.kernel = kernel;
        this.pid = pid;
        this.input = input;
        this.output = output;
        output.writer().close();
        this.ready = kernel.waitReadable(output.reader(), READY_TIMEOUT_MILLIS) && kernel.libc().read(output.reader().number(), kernel.memory(8), 1) == 1;
    }

    /** Returns once it has said its word, or has ended, or takes too long: {@link #isReady} tells. */
    static WaitingProgram start(Kernel kernel, Pointer attributes, String path, List<String> command) {
        Pipe input = Pipe.open(kernel);
        Pipe output = null;
        try {
            output = Pipe.open(kernel);
            return new WaitingProgram(kernel, HostProgram.start(kernel, attributes, path, command, input.reader(), output.writer()), input, output);
        } catch (RuntimeException e) {
            input.close();
            if (output != null) {
                output.close();
            }
            throw e;
        }
    }

    boolean isReady() {
        return ready;
    }

    int pid() {
        return pid;
    }

    @Override
    public void close() {
        input.close();
        output.close();
        if (!ready) { // it may hang before it comes to read
            kill();
        }
        ExitStatus.await(kernel, pid);
    }

    /** A child that nobody has reaped: the number is its own. */
    private void kill() {
        try (Descriptor process = kernel.openProcess(pid)) {
            kernel.signal(process, Signals.SIGKILL);
        }
    }
}
