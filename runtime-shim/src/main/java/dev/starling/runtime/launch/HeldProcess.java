package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_NONBLOCK;
import static dev.starling.runtime.kernel.Flags.O_RDWR;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;

/**
 * A container's first process, born but held before exec. Either {@link #release} it or {@link #abandon} it.
 */
public final class HeldProcess {
    private static final long EXEC_TIMEOUT_MILLIS = 30_000;

    private final Kernel kernel;
    private final InsideThread inside;
    private final Thread thread;
    private final Descriptor gate;
    private final int pid;
    private final Descriptor process;
    private final long startTime;

    HeldProcess(Kernel kernel, InsideThread inside, Thread thread, Descriptor gate, int pid, Descriptor process) {
        this.kernel = kernel;
        this.inside = inside;
        this.thread = thread;
        this.gate = gate;
        this.pid = pid;
        this.process = process;
        this.startTime = ExitStatus.startTime(kernel, pid);
    }

    public int pid() {
        return pid;
    }

    public long startTime() {
        return startTime;
    }

    /** A pidfd; whoever releases or abandons the process closes it. */
    public Descriptor descriptor() {
        return process;
    }

    /** Lets it go on to exec. @throws RuntimeShimException where exec fails; the process is gone then */
    public void release() {
        try (Descriptor go = kernel.openAt(gate.number(), "go", O_RDWR | O_NONBLOCK)) {
            awaitSpawn();
        } finally {
            gate.close();
        }
        if (inside.failure() != null) throw LaunchFailure.of(inside.failure());
    }

    /** Kills and reaps it. */
    public void abandon() {
        try {
            kernel.signal(process, Signals.SIGKILL);
            awaitSpawn();
            if (inside.failure() == null) HostProgram.waitFor(kernel, inside.pid());
        } finally {
            gate.close();
            process.close();
        }
    }

    /** Until the thread has ended, not just its work: as long as it lives it counts in the container's control groups. */
    private void awaitSpawn() {
        try {
            thread.join(EXEC_TIMEOUT_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw RuntimeShimException.system("interrupted while waiting for exec of process " + pid, e);
        }
        if (thread.isAlive()) throw RuntimeShimException.system("process " + pid + " did not come to exec within " + EXEC_TIMEOUT_MILLIS + " ms", null);
    }
}
