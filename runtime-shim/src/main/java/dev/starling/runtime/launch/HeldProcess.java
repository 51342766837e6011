package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_NONBLOCK;
import static dev.starling.runtime.kernel.Flags.O_RDWR;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;

/**
 * A process of a container, born but held before exec at its gate. Either {@link #release} it or {@link #abandon} it.
 */
final class HeldProcess {
    private static final long EXEC_TIMEOUT_MILLIS = 30_000;
    private static final int HOLD_TIMEOUT_MILLIS = 30_000;
    private static final int STACK_BYTES = 512 << 10;

    private final Kernel kernel;
    private final Spawner spawner;
    private final Thread thread;
    private final Descriptor gate;
    private final int pid;
    private final Descriptor process;
    private final long startTime;

    private HeldProcess(Kernel kernel, Spawner spawner, Thread thread, Descriptor gate, int pid, Descriptor process) {
        this.kernel = kernel;
        this.spawner = spawner;
        this.thread = thread;
        this.gate = gate;
        this.pid = pid;
        this.process = process;
        this.startTime = ExitStatus.startTime(kernel, pid);
    }

    /**
     * Runs {@code spawner} and waits until its child is held.
     *
     * @param gate  the directory; closed with the process's release or end, not where this fails
     * @param ready its FIFO, open for reading
     */
    static HeldProcess start(Kernel kernel, Spawner spawner, String name, Descriptor gate, Descriptor ready) {
        Thread thread = new Thread(null, spawner, name, STACK_BYTES);
        thread.start();
        boolean woken = kernel.waitReadable(ready, HOLD_TIMEOUT_MILLIS);
        if (spawner.failure() != null) {
            join(thread);
            throw LaunchFailure.of(spawner.failure());
        }
        if (!woken) throw RuntimeShimException.system("the process of " + name + " did not appear within " + HOLD_TIMEOUT_MILLIS + " ms", null);
        int pid = onlyChildOf(kernel, spawner.threadId());
        Descriptor process = kernel.openProcess(pid);
        try {
            return new HeldProcess(kernel, spawner, thread, gate, pid, process);
        } catch (RuntimeException e) {
            kernel.signal(process, Signals.SIGKILL);
            process.close();
            throw e;
        }
    }

    private static int onlyChildOf(Kernel kernel, int threadId) {
        String children = kernel.read("/proc/self/task/" + threadId + "/children").trim();
        if (children.isEmpty() || children.indexOf(' ') >= 0) {
            throw RuntimeShimException.system("thread " + threadId + " should have one child, but has \"" + children + "\"", null);
        }
        return Integer.parseInt(children);
    }

    static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw RuntimeShimException.system("interrupted while " + thread.getName() + " was at work", e);
        }
    }

    int pid() {
        return pid;
    }

    long startTime() {
        return startTime;
    }

    /** A pidfd; whoever releases or abandons the process closes it. */
    Descriptor descriptor() {
        return process;
    }

    /** Lets it go on to exec. @throws RuntimeShimException where exec fails; the process is gone then */
    void release() {
        try (Descriptor go = kernel.openAt(gate.number(), "go", O_RDWR | O_NONBLOCK)) {
            awaitSpawn();
        } finally {
            gate.close();
        }
        if (spawner.failure() != null) throw LaunchFailure.of(spawner.failure());
    }

    /** Kills and reaps it. */
    void abandon() {
        try {
            kernel.signal(process, Signals.SIGKILL);
            awaitSpawn();
            if (spawner.failure() == null) HostProgram.waitFor(kernel, spawner.pid());
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
