package dev.starling.runtime.supervision;

import dev.starling.runtime.ContainerChange;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.ExitStatus;
import dev.starling.runtime.launch.KeptTerminal;
import dev.starling.runtime.launch.WarmUp;
import java.time.Clock;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stays with each container from its start, or adoption, to its end: reads what it writes into its log, has its health probed, sees its end, puts away what it
 * leaves, and tells whoever listens. What happens to a running container happens here, on the {@link EventLoop}'s thread alone.
 */
final class Supervision {
    private static final Logger LOG = LoggerFactory.getLogger(Supervision.class);
    private static final int CGROUP_ATTEMPTS_AT_END = 20;
    private static final int DISK_PATIENCE_SECONDS = 5;

    private final Kernel kernel;
    private final Clock clock;
    private final Cgroups cgroups;
    private final EventLoop loop;
    private final RemovedContainers removed;
    private final Volumes volumes;
    private final Execs execs;
    private final HealthChecks health;
    /** Touched by the event loop's thread only. */
    private final ContainerListeners listeners = new ContainerListeners();

    Supervision(Kernel kernel, Clock clock, Cgroups cgroups, EventLoop loop, RemovedContainers removed, Volumes volumes, Execs execs) {
        this.kernel = kernel;
        this.clock = clock;
        this.cgroups = cgroups;
        this.loop = loop;
        this.removed = removed;
        this.volumes = volumes;
        this.execs = execs;
        this.health = new HealthChecks(execs, clock, container -> tell(ContainerChange.Kind.HEALTH, container));
    }

    /** From any thread. */
    void listen(Consumer<ContainerListeners> registration) {
        loop.execute(() -> registration.accept(listeners));
    }

    /** Of one that has just started: tells that before anything else of it can be told. */
    void begin(Supervised container) {
        ContainerChange started = change(ContainerChange.Kind.STARTED, container);
        loop.execute(() -> {
            listeners.tell(started);
            watch(container);
        });
    }

    /** Of one that was there before. */
    void resume(Supervised container) {
        loop.execute(() -> watch(container));
    }

    private void watch(Supervised container) {
        container.log().watch();
        if (container.process() == null) {
            end(container, OptionalInt.empty()); // it ended while no agent ran
        } else {
            loop.watch(container.process(), () -> processReadable(container));
            health.watch(container);
        }
    }

    private void processReadable(Supervised container) {
        Descriptor process = container.process();
        if (process == null || !kernel.waitReadable(process, 0)) {
            return;
        }
        OptionalInt exitCode = ExitStatus.of(kernel, container.state().pid(), process);
        loop.unwatch(process);
        end(container, exitCode);
    }

    /** It is told once the disk has its log and its end, for which nobody here waits; and after a while in any case, since the disk may hang. */
    private void end(Supervised container, OptionalInt exitCode) {
        boolean oomKilled = false;
        try {
            oomKilled = cgroups.oomKilled(container.id());
        } catch (RuntimeException e) {
            LOG.error("whether container {} was killed for want of memory cannot be told", container.id(), e);
        }
        ContainerState last = container.state().ended(clock.instant(), exitCode, oomKilled);
        container.log().finish(() -> write(container, last)).completeOnTimeout(null, DISK_PATIENCE_SECONDS, TimeUnit.SECONDS)
                .thenRun(() -> loop.execute(() -> tellEnd(container, last)));
        try {
            putAway(container);
        } catch (RuntimeException e) {
            LOG.error("what container {} left could not be put away", container.id(), e); // that it has ended is told all the same
        }
    }

    private static void write(Supervised container, ContainerState last) {
        try {
            container.writeEnd(last);
        } catch (RuntimeShimException e) {
            LOG.error("the end of container {} is known to this agent, but would not be to the next", container.id(), e); // a full disk
        }
    }

    private void tellEnd(Supervised container, ContainerState last) {
        container.end(last);
        container.announceEnd();
        if (!container.id().equals(WarmUp.ID)) {
            listeners.tell(change(ContainerChange.Kind.ENDED, container));
        }
    }

    /** Its terminal's keeper is in its groups, so that goes first; and the last of its processes may be just ending. Nobody waits for that here. */
    private void putAway(Supervised container) {
        volumes.release(container.id());
        KeptTerminal terminal = container.takeTerminal();
        if (terminal != null) {
            terminal.kill();
            removed.execute(terminal::end);
        }
        boolean groupsGone = terminal == null && container.removeGroups(cgroups, 1);
        if (!groupsGone) {
            removed.execute(() -> container.removeGroups(cgroups, CGROUP_ATTEMPTS_AT_END));
        }
    }

    /** From any thread, in the order of the calls: as it is now. */
    void tell(ContainerChange.Kind kind, Supervised container) {
        ContainerChange change = change(kind, container);
        loop.execute(() -> listeners.tell(change));
    }

    private ContainerChange change(ContainerChange.Kind kind, Supervised container) {
        return new ContainerChange(kind, container.container(), clock.instant());
    }

    /** The agent ends: leaves those that run, with the processes added to them, to the next one. */
    void leave(Supplier<List<Supervised>> containers) {
        health.close();
        loop.execute(() -> {
            execs.abandonAll();
            for (Supervised container : containers.get()) {
                if (container.process() == null) {
                    continue;
                }
                loop.unwatch(container.process());
                container.log().finish(() -> {});
                container.letGo();
            }
        });
    }
}
