package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_RDONLY;
import static dev.starling.runtime.kernel.Flags.O_WRONLY;

import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;

/**
 * A disposable thread that takes on a container's namespaces and privileges, spawns one process, and ends: what it became, it cannot give
 * back. The process is held before exec by opening the FIFO {@code go} of its gate; by opening {@code ready} it told the waiting
 * {@link HeldProcess} that it is there.
 */
abstract class Spawner implements Runnable {
    final Kernel kernel;
    final Gates.Gate gate;
    private volatile int threadId;
    private volatile int pid;
    private volatile Throwable failure;

    Spawner(Kernel kernel, Gates.Gate gate) {
        this.kernel = kernel;
        this.gate = gate;
    }

    /** Returns once the process is let through to its exec (or was killed before). @return its pid */
    abstract int spawn();

    /** On the same thread, whatever has happened. */
    void cleanUp() {}

    final int threadId() {
        return threadId;
    }

    /** Of the process whose exec was let through, or which was killed while held. */
    final int pid() {
        return pid;
    }

    final Throwable failure() {
        return failure;
    }

    @Override
    public final void run() {
        try {
            threadId = kernel.threadId();
            pid = spawn();
        } catch (Throwable e) {
            failure = e;
            gate.wake();
        } finally {
            cleanUp();
        }
    }

    /** Standard streams are set by now: the rest of the JVM's descriptors go, then the child waits at the gate. */
    final void passGate(SpawnActions actions, String workingDirectory) {
        actions.changeDirectory(gate.number())
                .closeFrom(3)
                .open(3, "ready", O_WRONLY)
                .close(3)
                .open(3, "go", O_RDONLY)
                .close(3)
                .changeDirectory(workingDirectory);
    }
}
