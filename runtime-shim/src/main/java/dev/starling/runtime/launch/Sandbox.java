package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Kernel;
import java.util.concurrent.SynchronousQueue;

/**
 * A thread that has taken on what every container needs ({@link Isolation}), under a group name of its own, and waits to be told for which. It serves one
 * container, or none, and ends.
 */
final class Sandbox {
    private final Kernel kernel;
    private final Cgroups cgroups;
    private final String group;
    private final Thread thread;
    private final SynchronousQueue<Runnable> work = new SynchronousQueue<>();
    private volatile boolean ready;
    private volatile Throwable failure;
    /** Touched by its owner only. */
    private boolean handedOver;

    /** @param group a name that no container's id is like */
    Sandbox(Kernel kernel, Cgroups cgroups, String group) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.group = group;
        this.thread = new Thread(null, this::run, group, DisposableThread.STACK_BYTES);
        thread.setDaemon(true);
        thread.start();
    }

    private void run() {
        try {
            cgroups.prepare(group);
            Isolation.enter(kernel, cgroups, group);
            ready = true;
        } catch (Throwable e) {
            failure = e;
            return;
        }
        try {
            work.take().run();
        } catch (InterruptedException e) {
            // nobody needs it any more
        }
    }

    /** Whether it waits for a container. */
    boolean isReady() {
        return ready;
    }

    /** Why it never will; null otherwise. */
    Throwable failure() {
        return failure;
    }

    /** Its group is the container's from now on. @throws RuntimeShimException where that cannot be; {@link #discard} it then */
    void serve(String containerId) {
        cgroups.claim(group, containerId);
    }

    /** To whom it was given to {@link #serve}: goes on with that as {@code name}, then ends. @return the thread */
    Thread goOn(Runnable with, String name) {
        thread.setName(name);
        try {
            work.put(with);
            handedOver = true;
        } catch (InterruptedException e) {
            thread.interrupt();
            Thread.currentThread().interrupt();
            throw RuntimeShimException.system("interrupted while " + thread.getName() + " was handed its container", e);
        }
        return thread;
    }

    /** Ends it, unless it has been told to {@link #goOn}, and removes what it still has under its own name. */
    void discard() {
        if (!handedOver) {
            thread.interrupt();
            HeldProcess.join(thread);
        }
        cgroups.remove(group, Cgroups.MANY_ATTEMPTS);
    }
}
