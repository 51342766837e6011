package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;

/**
 * A process of a container, born but held before exec at its gate. Either {@link #release} it or {@link #abandon} it.
 */
final class HeldProcess {
    private static final long EXEC_TIMEOUT_MILLIS = 30_000;
    private static final int HOLD_TIMEOUT_MILLIS = 30_000;

    private final Kernel kernel;
    private final Spawner spawner;
    private final Thread thread;
    private final int pid;
    private final Descriptor process;
    private final long startTime;

    private HeldProcess(Kernel kernel, Spawner spawner, Thread thread, int pid, Descriptor process) {
        this.kernel = kernel;
        this.spawner = spawner;
        this.thread = thread;
        this.pid = pid;
        this.process = process;
        this.startTime = ExitStatus.startTime(kernel, pid);
    }

    /**
     * Runs {@code spawner} and waits until its child is held. Its gate is left with the process's release or end, or where this fails.
     */
    static HeldProcess start(Kernel kernel, Spawner spawner, String name) {
        Thread thread = new Thread(null, spawner, name, DisposableThread.STACK_BYTES);
        thread.start();
        return await(kernel, spawner, thread);
    }

    /** The same for a spawner that {@code thread} is running already. */
    static HeldProcess await(Kernel kernel, Spawner spawner, Thread thread) {
        try {
            return awaitHeld(kernel, spawner, thread);
        } catch (RuntimeException e) {
            leaveGate(spawner, thread, false);
            throw e;
        }
    }

    private static HeldProcess awaitHeld(Kernel kernel, Spawner spawner, Thread thread) {
        boolean woken = spawner.gate.awaitProcess(HOLD_TIMEOUT_MILLIS);
        if (spawner.failure() != null) {
            join(thread);
            throw LaunchFailure.of(spawner.failure());
        }
        if (!woken) {
            throw RuntimeShimException.system("the process of " + thread.getName() + " did not appear within " + HOLD_TIMEOUT_MILLIS + " ms", null);
        }
        int pid = onlyChildOf(kernel, spawner.threadId());
        Descriptor process = kernel.openProcess(pid);
        try {
            return new HeldProcess(kernel, spawner, thread, pid, process);
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
        boolean passed = false;
        try (Descriptor go = spawner.gate.letGo()) {
            awaitSpawn();
            passed = spawner.failure() == null;
        } finally {
            leaveGate(spawner, thread, passed);
        }
        if (spawner.failure() != null) {
            throw LaunchFailure.of(spawner.failure());
        }
    }

    /** Kills and reaps it. */
    void abandon() {
        try {
            kernel.signal(process, Signals.SIGKILL);
            awaitSpawn();
            if (spawner.failure() == null) {
                ExitStatus.await(kernel, spawner.pid());
            }
        } finally {
            leaveGate(spawner, thread, false);
            process.close();
        }
    }

    private static void leaveGate(Spawner spawner, Thread thread, boolean passed) {
        if (thread.isAlive()) {
            spawner.gate.abandon();
        } else if (passed) {
            spawner.gate.giveBack();
        } else {
            spawner.gate.discard();
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
        if (thread.isAlive()) {
            throw RuntimeShimException.system("process " + pid + " did not come to exec within " + EXEC_TIMEOUT_MILLIS + " ms", null);
        }
    }
}
