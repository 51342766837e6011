package dev.starling.runtime.supervision;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerChange;
import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ContainerStats;
import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.RuntimeOptions;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.events.DiskWriters;
import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.exec.Attachment;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ContainerLauncher;
import dev.starling.runtime.launch.Gates;
import dev.starling.runtime.launch.KeptTerminal;
import dev.starling.runtime.launch.NativeLauncher;
import dev.starling.runtime.launch.WarmUp;
import dev.starling.runtime.logs.ContainerLogs;
import dev.starling.runtime.oci.OciLauncher;
import dev.starling.runtime.volume.VolumesInUse;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * Containers made by this JVM with system calls, and no other program: no daemon, no shim, no runc. (Or by an OCI runtime, where the options say so.)
 *
 * <p>From exec on, a container needs nothing of the agent: its first process is a child (or, for the next agent, a stranger watched by a pidfd), its output
 * goes to FIFOs which outlive readers, and its {@code state.json} says who it is.
 *
 * <pre>
 *   ContainerStarter   a start, by a ContainerLauncher        Leftovers, Adoption   what an earlier agent left
 *   Supervision        from then on, to the end               ContainerTable        which containers there are
 *   Execs              further processes                      RuntimeDirectory      what is where on the disk
 * </pre>
 */
public final class NativeRuntime implements ContainerRuntime {
    private static final Pattern ID = Pattern.compile("[0-9a-f]{64}");
    private static final Duration KILL_TIMEOUT = Duration.ofSeconds(30);

    private final ImageStore images;
    private final Clock clock = Clock.systemUTC();
    private final Kernel kernel = Kernel.load();
    private final ContainerTable containers = new ContainerTable();
    private final Cgroups cgroups;
    private final ContainerStarter starter;
    private final Execs execs;
    private final RemovedContainers removed;
    private final VolumesInUse named;
    private final EventLoop loop;
    private final Supervision supervision;
    /** What to close, the last first. */
    private final Deque<Runnable> opened = new ArrayDeque<>();

    /**
     * Adopts the containers of an earlier agent over the same directory, removes what it did not finish, and runs a throw-away container to
     * warm up (some 100 ms).
     *
     * @throws RuntimeShimException where this machine or user cannot run containers, or another agent uses the directory
     */
    public NativeRuntime(Path path, ImageStore images, RuntimeOptions options) {
        this.images = images;
        Host host = Host.look(kernel);
        // A held first process shares this JVM's memory, and is visible in its container: nothing may read it there.
        kernel.check(kernel.libc().prctl(Flags.PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
        RuntimeDirectory directory = RuntimeDirectory.open(path);
        opened.push(directory::close);
        try {
            this.cgroups = Cgroups.detect(kernel, options.cgroupParent());
            DiskWriters writers = new DiskWriters();
            opened.push(writers::close);
            List<Leftovers.Found> found = new Leftovers(kernel, cgroups, directory.containers(), directory.gates(), host.bootId()).sweep();
            ContainerLauncher launcher = launcher(options, host, directory);
            opened.push(launcher::close);
            this.removed = new RemovedContainers(directory.removed());
            opened.push(removed::close);
            this.loop = new EventLoop(kernel, "container-events");
            opened.push(loop::close);
            ContainerLogs logs = new ContainerLogs(kernel, clock, loop, writers, options.logBytesPerHour());
            this.named = new VolumesInUse(kernel, directory.volumes());
            Volumes volumes = new Volumes(kernel, named);
            this.starter = new ContainerStarter(
                    kernel, clock, cgroups, launcher, volumes, logs, directory.containers(), host.bootId(),
                    host.capabilities());
            this.execs = new Execs(kernel, launcher, loop);
            this.supervision = new Supervision(kernel, clock, cgroups, loop, removed, volumes, execs);
            opened.push(() -> supervision.leave(containers::all));
            adopt(found, new Adoption(kernel, cgroups, starter, host.bootId()), volumes);
            volumes.sweep();
            new TrialContainer(kernel, cgroups, starter, launcher, directory.warmUp()).run(this::runToEnd);
        } catch (IOException e) {
            close();
            throw RuntimeShimException.system("open container directory " + path + ": " + e, e);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private ContainerLauncher launcher(RuntimeOptions options, Host host, RuntimeDirectory directory) {
        Gates gates = new Gates(kernel, directory.gates()); // also where none is needed: those of an earlier agent go
        if (options.oci() != null) {
            return new OciLauncher(kernel, cgroups, options.oci(), options.userNamespace(), directory.containers());
        }
        return new NativeLauncher(kernel, cgroups, gates, host.hasMemoryForSandboxes() ? options.sandboxes() : 0, options.procThroughHelper());
    }

    private void adopt(List<Leftovers.Found> leftovers, Adoption adoption, Volumes volumes) {
        for (Leftovers.Found found : leftovers) {
            Supervised container = adoption.adopt(found);
            containers.add(container);
            if (found.state().hasEnded()) {
                continue;
            }
            volumes.adopt(found.state());
            supervision.resume(container);
        }
    }

    private OptionalInt runToEnd(Supervised container) {
        supervision.resume(container);
        return container.awaitEnd(KILL_TIMEOUT) ? container.container().exitCode() : OptionalInt.empty();
    }

    /** Where the bundles of the containers of a runtime's directory are. */
    public static Path bundlesBelow(Path directory) {
        return RuntimeDirectory.containersBelow(directory);
    }

    /** Those of this node that have a name. */
    public NamedVolumes volumes() {
        return new NamedVolumes(named);
    }

    @Override
    public Container start(ContainerSpec spec, List<ContainerFile> files, NetworkSetup network) {
        if (!ID.matcher(spec.id()).matches() || spec.id().equals(WarmUp.ID)) {
            throw RuntimeShimException.invalid("container id \"" + spec.id() + "\" is not 64 hexadecimal characters");
        }
        Image image = images.find(spec.image());
        if (image == null) {
            throw RuntimeShimException.notFound("No such image: " + spec.image());
        }
        containers.reserve(spec.id());
        try {
            Supervised started = starter.start(spec, files, image.config(), images.layerDirectories(image), network);
            containers.add(started);
            supervision.begin(started);
            return started.container();
        } finally {
            containers.release(spec.id());
        }
    }

    @Override
    public void signal(String containerId, String signal) {
        containers.require(containerId).signal(kernel, Signals.number(signal));
    }

    @Override
    public void stop(String containerId, Duration grace) {
        Supervised container = containers.require(containerId);
        freeze(container, false); // else no signal would arrive
        container.signal(kernel, container.state().stopSignal());
        if (container.awaitEnd(grace)) {
            return;
        }
        container.signal(kernel, Signals.SIGKILL);
        cgroups.kill(containerId);
        if (!container.awaitEnd(KILL_TIMEOUT)) {
            throw RuntimeShimException.system("container " + containerId + " did not end within " + KILL_TIMEOUT.toSeconds() + " s of SIGKILL", null);
        }
    }

    @Override
    public void pause(String containerId, boolean still) {
        if (!freeze(containers.requireRunning(containerId), still)) {
            throw RuntimeShimException.conflict("Container " + containerId + " is " + (still ? "already" : "not") + " paused");
        }
    }

    /** @return false where it stood still, or went on, already */
    private boolean freeze(Supervised container, boolean still) {
        synchronized (container.steady()) {
            if (container.paused() == still) {
                return false;
            }
            cgroups.freeze(container.id(), still);
            container.paused(still);
        }
        supervision.tell(still ? ContainerChange.Kind.PAUSED : ContainerChange.Kind.UNPAUSED, container);
        return true;
    }

    @Override
    public void remove(String containerId) {
        Supervised container = containers.find(containerId);
        if (container == null) {
            return;
        }
        if (!container.state().hasEnded()) {
            throw RuntimeShimException.conflict("You cannot remove a running container " + containerId + ". Stop the container before attempting removal");
        }
        if (!container.removeGroups(cgroups, Cgroups.MANY_ATTEMPTS)) {
            throw RuntimeShimException.system("control group of container " + containerId + " is still in use", null);
        }
        if (!containers.reserve(container)) {
            return;
        }
        try {
            Bundle taken = container.takeAway(removed);
            containers.remove(container);
            supervision.tell(ContainerChange.Kind.REMOVED, container);
            removed.delete(taken);
        } finally {
            containers.release(containerId);
        }
    }

    @Override
    public List<Container> list() {
        return containers.all().stream().map(Supervised::container).toList();
    }

    @Override
    public Container inspect(String containerId) {
        Supervised container = containers.find(containerId);
        return container == null ? null : container.container();
    }

    @Override
    public Path logFile(String containerId) {
        return containers.require(containerId).bundle().logFile();
    }

    @Override
    public ExecProcess exec(String containerId, ExecSpec spec, ExecProcess.Output output) {
        return execs.start(containers.requireRunning(containerId), spec, output);
    }

    @Override
    public ExecProcess attach(String containerId, ExecProcess.Output output) {
        Supervised container = containers.requireRunning(containerId);
        ContainerState state = container.state();
        boolean open = state.spec().streams().openStdin();
        if (!state.spec().streams().tty()) {
            Descriptor input = open ? kernel.open(container.bundle().standardInput().toString(), Flags.O_RDWR | Flags.O_NONBLOCK) : null;
            return Attachment.start(kernel, loop, state.pid(), container.log(), input, null, output);
        }
        KeptTerminal terminal = requireTerminal(container);
        return Attachment.start(kernel, loop, state.pid(), container.log(), open ? terminal.duplicate() : null, terminal, output);
    }

    private static KeptTerminal requireTerminal(Supervised container) {
        KeptTerminal terminal = container.terminal();
        if (terminal == null) {
            throw RuntimeShimException.conflict("container " + container.id() + " has lost its terminal: the process that kept it is gone");
        }
        return terminal;
    }

    @Override
    public void resize(String containerId, int rows, int columns) {
        Supervised container = containers.requireRunning(containerId);
        if (container.state().spec().streams().tty()) {
            requireTerminal(container).resize(rows, columns);
        }
    }

    @Override
    public ContainerStats stats(String containerId) {
        Supervised container = containers.requireRunning(containerId);
        try {
            return new ContainerStats(
                    clock.instant(), cgroups.stats(containerId), ContainerStats.interfaces(kernel.read("/proc/" + container.state().pid() + "/net/dev")),
                    container.log().dropped());
        } catch (RuntimeShimException e) {
            containers.requireRunning(containerId); // its end may be all that is wrong
            throw e;
        }
    }

    @Override
    public List<Integer> processes(String containerId) {
        KeptTerminal terminal = containers.requireRunning(containerId).terminal();
        List<Integer> pids = cgroups.processes(containerId);
        return terminal == null ? pids : pids.stream().filter(pid -> pid != terminal.keeperPid()).toList();
    }

    @Override
    public long writtenBytes(String containerId) {
        return DiskUsage.below(containers.require(containerId).bundle().upper());
    }

    @Override
    public void onHealth(Consumer<Container> listener) {
        supervision.listen(listeners -> listeners.addForHealth(listener));
    }

    @Override
    public void onChange(Consumer<ContainerChange> listener) {
        supervision.listen(listeners -> listeners.addForChanges(listener));
    }

    @Override
    public void onExit(Consumer<Container> listener) {
        supervision.listen(listeners -> listeners.addForEnds(listener));
    }

    @Override
    public void close() {
        while (!opened.isEmpty()) {
            opened.pop().run();
        }
    }
}
