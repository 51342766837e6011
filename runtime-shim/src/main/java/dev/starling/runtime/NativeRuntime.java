package dev.starling.runtime;

import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.events.DiskWriters;
import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.exec.Attachment;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ContainerLauncher;
import dev.starling.runtime.launch.ExitStatus;
import dev.starling.runtime.launch.Gates;
import dev.starling.runtime.launch.KeptTerminal;
import dev.starling.runtime.launch.NativeLauncher;
import dev.starling.runtime.launch.Signals;
import dev.starling.runtime.launch.WarmUp;
import dev.starling.runtime.logs.ContainerLogs;
import dev.starling.runtime.oci.OciLauncher;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Containers made by this JVM with system calls, and no other program: no daemon, no shim, no runc.
 *
 * <p>A start is told in {@link Launcher}. From exec on, a container needs nothing of the agent: its first process is a child (or, for the next
 * agent, a stranger watched by a pidfd), its output goes to FIFOs which outlive readers, and its {@code state.json} says who it is.
 *
 * <pre>
 *   DIRECTORY/lock              held by the agent: one at a time
 *   DIRECTORY/containers/ID/    see {@link Bundle}
 *   DIRECTORY/removed/          see {@link RemovedContainers}
 *   DIRECTORY/gates/N/          see {@link Gates}
 *   DIRECTORY/volumes/NAME/_data
 * </pre>
 *
 * The lock on {@code this} guards the table of containers; what happens to running ones happens on the {@link EventLoop}'s thread.
 */
public final class NativeRuntime implements ContainerRuntime {
    private static final Logger LOG = LoggerFactory.getLogger(NativeRuntime.class);
    private static final Pattern ID = Pattern.compile("[0-9a-f]{64}");
    private static final Duration KILL_TIMEOUT = Duration.ofSeconds(30);
    private static final int DISK_PATIENCE_SECONDS = 5;
    private static final int CGROUP_ATTEMPTS_AT_END = 20;
    private static final long MEMORY_FOR_SANDBOXES_KIB = 480 << 10; // a board of 512 MiB has a little less for Linux
    private static final int CGROUP_ATTEMPTS_AT_REMOVAL = ContainerStarter.CGROUP_ATTEMPTS_AT_REMOVAL;

    private final Path directory;
    private final ImageStore images;
    private final Clock clock = Clock.systemUTC();
    private final Kernel kernel = Kernel.load();
    private final Cgroups cgroups;
    private final ContainerStarter starter;
    private final ContainerLauncher launcher;
    private final Execs execs;
    private final HealthChecks health;
    private final RemovedContainers removed;
    private final EventLoop loop;
    private final FileChannel lock;
    private final String bootId;
    private final DiskWriters writers = new DiskWriters();

    /** Guarded by this. */
    private final Map<String, Supervised> containers = new TreeMap<>();
    private final Set<String> starting = new HashSet<>();

    /** Touched by the event loop's thread only. */
    private final ContainerListeners listeners = new ContainerListeners();

    /**
     * Adopts the containers of an earlier agent over the same directory, removes what it did not finish, and runs a throw-away container to
     * warm up (some 100 ms).
     *
     * @throws RuntimeShimException where this machine or user cannot run containers, or another agent uses the directory
     */
    public NativeRuntime(Path directory, ImageStore images, RuntimeOptions options) {
        this.directory = directory.toAbsolutePath();
        this.images = images;
        long available = ownCapabilities();
        if (!Capability.SYS_ADMIN.isIn(available)) {
            throw RuntimeShimException.unsupported("running containers needs root (CAP_SYS_ADMIN)");
        }
        // A held first process shares this JVM's memory, and is visible in its container: nothing may read it there.
        kernel.check(kernel.libc().prctl(Flags.PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
        this.bootId = kernel.read("/proc/sys/kernel/random/boot_id").trim();
        this.lock = makeDirectories();
        EventLoop startedLoop = null;
        try {
            this.cgroups = Cgroups.detect(kernel, options.cgroupParent());
            Bundle.makeMountPoints(this.directory);
            List<Leftovers.Found> found = new Leftovers(kernel, cgroups, containersDirectory(), gatesDirectory(), bootId).sweep();
            Gates gates = new Gates(kernel, gatesDirectory());
            this.launcher = options.oci() == null
                    ? new NativeLauncher(kernel, cgroups, gates, hasMemoryToSpare() ? options.sandboxes() : 0, options.procThroughHelper())
                    : new OciLauncher(kernel, cgroups, options.oci(), options.userNamespace(), containersDirectory());
            this.removed = new RemovedContainers(this.directory.resolve("removed"));
            startedLoop = new EventLoop(kernel, "container-events");
            this.loop = startedLoop;
            ContainerLogs logs = new ContainerLogs(kernel, clock, loop, writers, options.logBytesPerHour());
            this.starter = new ContainerStarter(
                    kernel, clock, cgroups, launcher, new Volumes(kernel, Volumes.below(this.directory)), logs, containersDirectory(), bootId,
                    available);
            this.execs = new Execs(kernel, launcher, loop);
            this.health = new HealthChecks(execs, clock, container -> tell(ContainerChange.Kind.HEALTH, container));
            adopt(found);
            containers.remove(WarmUp.ID); // an agent that was killed while it warmed up left it
            new TrialContainer(kernel, cgroups, starter, launcher, this.directory.resolve("warm-up")).run(this::runToEnd);
        } catch (IOException e) {
            release(startedLoop);
            throw RuntimeShimException.system("open container directory " + this.directory + ": " + e, e);
        } catch (RuntimeException e) {
            release(startedLoop);
            throw e;
        }
    }

    private void release(EventLoop startedLoop) {
        if (startedLoop != null) startedLoop.close();
        if (launcher != null) launcher.close();
        writers.close();
        if (removed != null) removed.close();
        closeLock();
    }

    private long ownCapabilities() {
        long available = -1;
        for (String line : kernel.read("/proc/self/status").split("\n")) {
            if (line.startsWith("CapBnd:") || line.startsWith("CapEff:")) available &= Long.parseUnsignedLong(line.substring(7).trim(), 16);
        }
        return available;
    }

    /** A sandbox costs some 300 KiB of the kernel's memory, and a thread. */
    private boolean hasMemoryToSpare() {
        for (String line : kernel.read("/proc/meminfo").split("\n")) {
            if (line.startsWith("MemTotal:")) return Long.parseLong(line.replaceAll("[^0-9]", "")) >= MEMORY_FOR_SANDBOXES_KIB;
        }
        return false;
    }

    private FileChannel makeDirectories() {
        try {
            Files.createDirectories(containersDirectory());
            Files.setPosixFilePermissions(containersDirectory(), PosixFilePermissions.fromString("rwx------"));
            FileChannel channel = FileChannel.open(directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            try {
                if (channel.tryLock() != null) return channel;
            } catch (OverlappingFileLockException e) {
                // by this very JVM; told below
            }
            channel.close();
            throw RuntimeShimException.conflict("another agent uses the container directory " + directory);
        } catch (IOException e) {
            throw RuntimeShimException.system("create container directory " + directory + ": " + e, e);
        }
    }

    private Path containersDirectory() {
        return bundlesBelow(directory);
    }

    /** Where the bundles of the containers of a runtime's directory are. */
    public static Path bundlesBelow(Path directory) {
        return directory.resolve("containers");
    }

    @Override
    public long writtenBytes(String containerId) {
        return DiskUsage.below(require(containerId).bundle().upper());
    }

    private Path gatesDirectory() {
        return directory.resolve("gates");
    }

    private void adopt(List<Leftovers.Found> leftovers) {
        for (Leftovers.Found found : leftovers) {
            if (found.state().hasEnded()) {
                Supervised ended = Supervised.ended(found.bundle(), found.state());
                containers.put(ended.id(), ended);
                ended.removeGroups(cgroups, CGROUP_ATTEMPTS_AT_REMOVAL);
            } else {
                KeptTerminal terminal = adoptTerminal(found);
                Supervised supervised = Supervised.running(
                        found.bundle(), found.state(), found.process(), starter.openLog(found.bundle(), found.state().spec(), terminal), terminal);
                supervised.paused(cgroups.isFrozen(supervised.id()));
                containers.put(supervised.id(), supervised);
                loop.execute(() -> watch(supervised));
            }
        }
    }

    /** Null where it has none; also where that is lost, which must not keep this agent from starting. */
    private KeptTerminal adoptTerminal(Leftovers.Found found) {
        if (!found.state().spec().tty() || !found.state().bootId().equals(bootId)) return null;
        try {
            return KeptTerminal.adopt(kernel, found.bundle());
        } catch (RuntimeShimException e) {
            LOG.error("the terminal of container {} is lost: it is in nobody's log from now on, and cannot be attached to", found.bundle().id(), e);
            return null;
        }
    }

    @Override
    public Container start(ContainerSpec spec, List<ContainerFile> files, NetworkSetup network) {
        if (!ID.matcher(spec.id()).matches() || spec.id().equals(WarmUp.ID)) {
            throw RuntimeShimException.invalid("container id \"" + spec.id() + "\" is not 64 hexadecimal characters");
        }
        Image image = images.find(spec.image());
        if (image == null) throw RuntimeShimException.notFound("No such image: " + spec.image());
        reserve(spec.id());
        try {
            Supervised started = starter.start(spec, files, image.config(), images.layerDirectories(image), network);
            synchronized (this) {
                containers.put(spec.id(), started);
            }
            loop.execute(() -> watch(started));
            tell(ContainerChange.Kind.STARTED, started);
            return started.container();
        } finally {
            synchronized (this) {
                starting.remove(spec.id());
            }
        }
    }

    private synchronized void reserve(String id) {
        if (containers.containsKey(id) || !starting.add(id)) throw RuntimeShimException.conflict("container " + id + " exists already");
    }

    private OptionalInt runToEnd(Supervised container) {
        loop.execute(() -> watch(container));
        return awaitEnd(container, KILL_TIMEOUT) ? container.container().exitCode() : OptionalInt.empty();
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
        if (process == null || !kernel.waitReadable(process, 0)) return;
        OptionalInt exitCode = ExitStatus.of(kernel, container.state().pid(), process);
        loop.unwatch(process);
        end(container, exitCode);
    }

    /** It is told once the disk has its log and its end, for which nobody here waits; and after a while in any case, since the disk may hang. */
    private void end(Supervised container, OptionalInt exitCode) {
        ContainerState last = container.state().ended(clock.instant(), exitCode, cgroups.oomKilled(container.id()));
        CompletableFuture<Void> written = container.log().finish(() -> write(container, last));
        KeptTerminal terminal = container.takeTerminal();
        if (terminal != null) {
            terminal.kill();
            removed.execute(terminal::end); // in front of the groups that it is in
        }
        boolean groupsGone = terminal == null && container.removeGroups(cgroups, 1);
        if (!groupsGone) removed.execute(() -> container.removeGroups(cgroups, CGROUP_ATTEMPTS_AT_END)); // the last of it is just ending
        written.completeOnTimeout(null, DISK_PATIENCE_SECONDS, TimeUnit.SECONDS).thenRun(() -> loop.execute(() -> tellEnd(container, last)));
    }

    private void write(Supervised container, ContainerState last) {
        try {
            synchronized (container.removal()) {
                if (find(container.id()) == container) last.append(container.bundle().stateFile());
            }
        } catch (RuntimeShimException e) {
            LOG.error("the end of container {} is known to this agent, but would not be to the next", container.id(), e); // a full disk
        }
    }

    private void tellEnd(Supervised container, ContainerState last) {
        container.end(last);
        container.announceEnd();
        if (!container.id().equals(WarmUp.ID)) listeners.tell(change(ContainerChange.Kind.ENDED, container));
    }

    /** From any thread, in the order of the calls: as it is now. */
    private void tell(ContainerChange.Kind kind, Supervised container) {
        ContainerChange change = change(kind, container);
        loop.execute(() -> listeners.tell(change));
    }

    private ContainerChange change(ContainerChange.Kind kind, Supervised container) {
        return new ContainerChange(kind, container.container(), clock.instant());
    }

    @Override
    public void signal(String containerId, String signal) {
        require(containerId).signal(kernel, Signals.number(signal));
    }

    @Override
    public void stop(String containerId, Duration grace) {
        Supervised container = require(containerId);
        if (container.paused()) pause(containerId, false); // else no signal would arrive
        container.signal(kernel, container.state().stopSignal());
        if (awaitEnd(container, grace)) return;
        container.signal(kernel, Signals.SIGKILL);
        cgroups.kill(containerId);
        if (!awaitEnd(container, KILL_TIMEOUT)) {
            throw RuntimeShimException.system("container " + containerId + " did not end within " + KILL_TIMEOUT.toSeconds() + " s of SIGKILL", null);
        }
    }

    private static boolean awaitEnd(Supervised container, Duration atMost) {
        try {
            return container.awaitEnd(atMost);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw RuntimeShimException.system("interrupted while waiting for the end of container " + container.id(), e);
        }
    }

    @Override
    public void remove(String containerId) {
        Supervised container = find(containerId);
        if (container == null) return;
        if (!container.state().hasEnded()) {
            throw RuntimeShimException.conflict("You cannot remove a running container " + containerId + ". Stop the container before attempting removal");
        }
        if (!container.removeGroups(cgroups, CGROUP_ATTEMPTS_AT_REMOVAL)) {
            throw RuntimeShimException.system("control group of container " + containerId + " is still in use", null);
        }
        Bundle taken;
        synchronized (container.removal()) {
            if (find(containerId) != container) return; // by another thread, and there may be a new one of that id
            taken = removed.take(container.bundle());
            synchronized (this) {
                containers.remove(containerId);
            }
        }
        tell(ContainerChange.Kind.REMOVED, container);
        removed.delete(taken);
    }

    @Override
    public synchronized List<Container> list() {
        return containers.values().stream().map(Supervised::container).toList();
    }

    @Override
    public Container inspect(String containerId) {
        Supervised container = find(containerId);
        return container == null ? null : container.container();
    }

    @Override
    public Path logFile(String containerId) {
        return require(containerId).bundle().logFile();
    }

    private synchronized Supervised find(String containerId) {
        return containers.get(containerId);
    }

    private Supervised require(String containerId) {
        Supervised container = find(containerId);
        if (container == null) throw RuntimeShimException.notFound("No such container: " + containerId);
        return container;
    }

    @Override
    public ExecProcess exec(String containerId, ExecSpec spec, ExecProcess.Output output) {
        return execs.start(requireRunning(containerId), spec, output);
    }

    @Override
    public ExecProcess attach(String containerId, ExecProcess.Output output) {
        Supervised container = requireRunning(containerId);
        ContainerState state = container.state();
        boolean open = state.spec().openStdin();
        if (!state.spec().tty()) {
            Descriptor input = open ? kernel.open(container.bundle().standardInput().toString(), Flags.O_RDWR | Flags.O_NONBLOCK) : null;
            return Attachment.start(kernel, loop, state.pid(), container.log(), input, null, output);
        }
        KeptTerminal terminal = requireTerminal(container);
        return Attachment.start(kernel, loop, state.pid(), container.log(), open ? terminal.duplicate() : null, terminal, output);
    }

    private static KeptTerminal requireTerminal(Supervised container) {
        KeptTerminal terminal = container.terminal();
        if (terminal == null) throw RuntimeShimException.conflict("container " + container.id() + " has lost its terminal: the process that kept it is gone");
        return terminal;
    }

    @Override
    public void resize(String containerId, int rows, int columns) {
        Supervised container = requireRunning(containerId);
        if (container.state().spec().tty()) requireTerminal(container).resize(rows, columns);
    }

    @Override
    public void pause(String containerId, boolean still) {
        Supervised container = requireRunning(containerId);
        synchronized (container.steady()) {
            if (container.paused() == still) throw RuntimeShimException.conflict("Container " + containerId + " is " + (still ? "already" : "not") + " paused");
            cgroups.freeze(containerId, still);
            container.paused(still);
        }
        tell(still ? ContainerChange.Kind.PAUSED : ContainerChange.Kind.UNPAUSED, container);
    }

    @Override
    public ContainerStats stats(String containerId) {
        Supervised container = requireRunning(containerId);
        int pid = container.container().pid();
        return new ContainerStats(clock.instant(), cgroups.stats(containerId), ContainerStats.interfaces(kernel.read("/proc/" + pid + "/net/dev")),
                container.log().dropped());
    }

    @Override
    public List<Integer> processes(String containerId) {
        KeptTerminal terminal = requireRunning(containerId).terminal();
        List<Integer> pids = cgroups.processes(containerId);
        return terminal == null ? pids : pids.stream().filter(pid -> pid != terminal.keeperPid()).toList();
    }

    private Supervised requireRunning(String containerId) {
        Supervised container = require(containerId);
        if (container.state().hasEnded()) throw RuntimeShimException.conflict("container " + containerId + " is not running");
        return container;
    }

    @Override
    public void onHealth(Consumer<Container> listener) {
        loop.execute(() -> listeners.addForHealth(listener));
    }

    @Override
    public void onChange(Consumer<ContainerChange> listener) {
        loop.execute(() -> listeners.addForChanges(listener));
    }

    @Override
    public void onExit(Consumer<Container> listener) {
        loop.execute(() -> listeners.addForEnds(listener));
    }

    @Override
    public void close() {
        health.close();
        loop.execute(() -> {
            execs.abandonAll();
            for (Supervised container : running()) {
                loop.unwatch(container.process());
                container.log().finish(() -> {});
                container.letGo();
            }
        });
        loop.close();
        launcher.close();
        writers.close();
        removed.close();
        closeLock();
    }

    private synchronized List<Supervised> running() {
        return containers.values().stream().filter(container -> container.process() != null).toList();
    }

    private void closeLock() {
        try {
            lock.close();
        } catch (IOException e) {
            LOG.warn("close lock of {}: {}", directory, e.toString());
        }
    }
}
