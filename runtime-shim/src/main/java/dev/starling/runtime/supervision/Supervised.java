package dev.starling.runtime.supervision;

import dev.starling.runtime.Container;
import dev.starling.runtime.Health;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.KeptTerminal;
import dev.starling.runtime.logs.ContainerLog;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * One container this agent knows: its stored state and, while it runs, the handle on its first process. States only move from running to
 * ended.
 */
final class Supervised {
    private final Bundle bundle;
    private final CountDownLatch ended = new CountDownLatch(1);
    /** Held where nothing may be paused: a thread of the agent is inside of the container's groups then, and would stand still with it. */
    private final Object steady = new Object();
    private final Object groups = new Object();
    private final Object disk = new Object();
    /** Guarded by {@link #disk}. */
    private boolean takenAway;
    /** Guarded by {@link #groups}. */
    private boolean groupsGone;
    private ContainerState state;
    private Descriptor process;
    private Health health;
    private boolean paused;
    private KeptTerminal terminal;
    /** Touched by the event loop only. */
    private ContainerLog log;

    private Supervised(Bundle bundle, ContainerState state, Descriptor process, ContainerLog log, KeptTerminal terminal) {
        this.bundle = bundle;
        this.state = state;
        this.process = process;
        this.log = log;
        this.terminal = terminal;
        this.health = state.plan() != null && state.plan().health().isSet() ? Health.STARTING : Health.NONE;
    }

    /** @param process pidfd, closed with the container's end, as is {@code terminal} (null where it has none) */
    static Supervised running(Bundle bundle, ContainerState state, Descriptor process, ContainerLog log, KeptTerminal terminal) {
        return new Supervised(bundle, state, process, log, terminal);
    }

    static Supervised ended(Bundle bundle, ContainerState state) {
        Supervised supervised = new Supervised(bundle, state, null, null, null);
        supervised.ended.countDown();
        return supervised;
    }

    String id() {
        return bundle.id();
    }

    Bundle bundle() {
        return bundle;
    }

    ContainerLog log() {
        return log;
    }

    synchronized ContainerState state() {
        return state;
    }

    Object steady() {
        return steady;
    }

    synchronized Container container() {
        return state.container(health, paused);
    }

    synchronized Health health() {
        return health;
    }

    /** @return whether its status is another now; never after the end */
    synchronized boolean health(Health now) {
        if (state.hasEnded()) {
            return false;
        }
        boolean changed = now.status() != health.status();
        health = now;
        return changed;
    }

    synchronized boolean paused() {
        return paused;
    }

    /** Never after the end. */
    synchronized void paused(boolean now) {
        paused = now && !state.hasEnded();
    }

    /** Null once it has ended. */
    synchronized Descriptor process() {
        return process;
    }

    /** A handle of the caller's own, which the end does not close. @throws RuntimeShimException CONFLICT where it has ended */
    synchronized Descriptor ownHandle() {
        if (process == null) {
            throw RuntimeShimException.conflict("container " + id() + " is not running");
        }
        return process.duplicate();
    }

    /** Synchronized with the end, so that a signal never meets a closed descriptor. */
    synchronized void signal(Kernel kernel, int signal) {
        if (process != null) {
            kernel.signal(process, signal);
        }
    }

    /** Null where it has none, or has ended. */
    synchronized KeptTerminal terminal() {
        return terminal;
    }

    /** For its end: whoever takes it ends it. Null where there is none (any more). */
    synchronized KeptTerminal takeTerminal() {
        KeptTerminal taken = terminal;
        terminal = null;
        return taken;
    }

    /** Where the next agent looks for its end. Waits for the disk, and nobody who asks for the state with it. */
    void writeEnd(ContainerState last) {
        synchronized (disk) {
            if (!takenAway) {
                last.append(bundle.stateFile());
            }
        }
    }

    /** Followed by {@link #announceEnd}. */
    synchronized void end(ContainerState last) {
        state = last;
        paused = false;
        letGo();
    }

    /** For its removal. From then on there may be another of that id. */
    Bundle takeAway(RemovedContainers removed) {
        synchronized (disk) {
            Bundle taken = removed.take(bundle);
            takenAway = true;
            return taken;
        }
    }

    /** Closes the handle: after the end, or when the agent leaves the container to the next one. */
    synchronized void letGo() {
        if (process != null) {
            process.close();
        }
        process = null;
        if (terminal != null) {
            terminal.release();
        }
        terminal = null;
    }

    /** After its end. Whoever comes second finds it done, and leaves alone what may have been made under the same id since. @return false where they are not gone */
    boolean removeGroups(Cgroups cgroups, int attempts) {
        synchronized (groups) {
            if (!groupsGone) {
                groupsGone = cgroups.remove(id(), attempts);
            }
            return groupsGone;
        }
    }

    void announceEnd() {
        ended.countDown();
    }

    /** @return false where it has not come by then */
    boolean awaitEnd(Duration atMost) {
        try {
            return ended.await(atMost.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw RuntimeShimException.system("interrupted while waiting for the end of container " + id(), e);
        }
    }
}
