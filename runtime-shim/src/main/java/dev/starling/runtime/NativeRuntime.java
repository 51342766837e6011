package dev.starling.runtime;

import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ClassPreload;
import dev.starling.runtime.launch.ExitStatus;
import dev.starling.runtime.launch.HeldProcess;
import dev.starling.runtime.launch.LaunchRequest;
import dev.starling.runtime.launch.Launcher;
import dev.starling.runtime.launch.ProcessPlan;
import dev.starling.runtime.launch.Signals;
import dev.starling.runtime.launch.Sysctls;
import dev.starling.runtime.launch.WarmUp;
import dev.starling.runtime.logs.ContainerLog;
import dev.starling.runtime.logs.JsonFileLog;
import dev.starling.runtime.logs.LogOptions;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import jnr.ffi.Pointer;
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
 *   DIRECTORY/volumes/NAME/_data
 * </pre>
 *
 * The lock on {@code this} guards the table of containers; what happens to running ones happens on the {@link EventLoop}'s thread.
 */
public final class NativeRuntime implements ContainerRuntime {
    private static final Logger LOG = LoggerFactory.getLogger(NativeRuntime.class);
    private static final Pattern ID = Pattern.compile("[0-9a-f]{64}");
    private static final Image.Config NO_CONFIG =
            new Image.Config(List.of(), List.of(), List.of(), "", "", "", Map.of(), List.of(), List.of());
    private static final Duration KILL_TIMEOUT = Duration.ofSeconds(30);
    private static final int CGROUP_ATTEMPTS_AT_END = 20;
    private static final int CGROUP_ATTEMPTS_AT_REMOVAL = 2000;

    private final Path directory;
    private final ImageStore images;
    private final Clock clock = Clock.systemUTC();
    private final Kernel kernel = Kernel.load();
    private final Volumes volumes;
    private final Cgroups cgroups;
    private final Launcher launcher;
    private final EventLoop loop;
    private final FileChannel lock;
    private final String bootId;
    private final long availableCapabilities;
    private final Pointer logBuffer;

    /** Guarded by this. */
    private final Map<String, Supervised> containers = new TreeMap<>();
    private final Set<String> starting = new HashSet<>();

    /** Touched by the event loop's thread only. */
    private final List<Consumer<Container>> listeners = new ArrayList<>();
    private final List<Container> untold = new ArrayList<>();

    /**
     * Adopts the containers of an earlier agent over the same directory, removes what it did not finish, and runs a throw-away container to
     * warm up (some 100 ms).
     *
     * @throws RuntimeShimException where this machine or user cannot run containers, or another agent uses the directory
     */
    public NativeRuntime(Path directory, ImageStore images, RuntimeOptions options) {
        this.directory = directory.toAbsolutePath();
        this.images = images;
        this.volumes = new Volumes(this.directory.resolve("volumes"));
        this.availableCapabilities = ownCapabilities();
        if (!Capability.SYS_ADMIN.isIn(availableCapabilities)) {
            throw RuntimeShimException.unsupported("running containers needs root (CAP_SYS_ADMIN)");
        }
        // A held first process shares this JVM's memory, and is visible in its container: nothing may read it there.
        kernel.check(kernel.libc().prctl(Flags.PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
        this.bootId = kernel.read("/proc/sys/kernel/random/boot_id").trim();
        this.lock = makeDirectories();
        EventLoop startedLoop = null;
        try {
            this.cgroups = Cgroups.detect(kernel, options.cgroupParent());
            this.launcher = new Launcher(kernel, cgroups, options.procThroughHelper());
            this.logBuffer = ContainerLog.buffer(kernel);
            startedLoop = new EventLoop(kernel, "container-events");
            this.loop = startedLoop;
            adopt();
            warmUp();
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
        closeLock();
    }

    private long ownCapabilities() {
        long available = -1;
        for (String line : kernel.read("/proc/self/status").split("\n")) {
            if (line.startsWith("CapBnd:") || line.startsWith("CapEff:")) available &= Long.parseUnsignedLong(line.substring(7).trim(), 16);
        }
        return available;
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
        return directory.resolve("containers");
    }

    private void adopt() throws IOException {
        for (Leftovers.Found found : new Leftovers(kernel, cgroups, containersDirectory(), bootId).sweep()) {
            if (found.state().hasEnded()) {
                containers.put(found.bundle().id(), Supervised.ended(found.bundle(), found.state()));
                removeCgroups(found.bundle().id(), CGROUP_ATTEMPTS_AT_REMOVAL);
            } else {
                Supervised supervised = Supervised.running(found.bundle(), found.state(), found.process(), openLog(found.bundle(), found.state().spec()));
                containers.put(supervised.id(), supervised);
                loop.execute(() -> watch(supervised));
            }
        }
    }

    private void warmUp() throws IOException {
        Bundle remains = new Bundle("warm-up", directory.resolve("warm-up"));
        remains.delete();
        forgetEarlierWarmUp();
        ClassPreload.loadAll();
        Path layer = Files.createDirectory(remains.directory());
        try {
            WarmUp.writeLayer(layer, kernel.architecture());
            Supervised done = launch(WarmUp.spec(WarmUp.PROGRAM), WarmUp.FILES, NO_CONFIG, List.of(layer), NetworkSetup.NONE);
            loop.execute(() -> watch(done));
            OptionalInt exitCode = awaitEnd(done, KILL_TIMEOUT) ? done.state().container().exitCode() : OptionalInt.empty();
            removeCgroups(WarmUp.ID, CGROUP_ATTEMPTS_AT_REMOVAL);
            done.bundle().delete();
            if (!exitCode.equals(OptionalInt.of(0))) throw RuntimeShimException.system("a trial container ended with " + exitCode + " and not 0", null);
            warmUpRefusal(layer);
        } finally {
            remains.delete();
        }
    }

    /** An agent that was killed while it warmed up left its trial container. */
    private void forgetEarlierWarmUp() {
        containers.remove(WarmUp.ID);
        cgroups.kill(WarmUp.ID);
        removeCgroups(WarmUp.ID, CGROUP_ATTEMPTS_AT_REMOVAL);
        new Bundle(WarmUp.ID, containersDirectory().resolve(WarmUp.ID)).delete();
    }

    /** The way a start fails is to be warm as well. */
    private void warmUpRefusal(Path layer) {
        try {
            launch(WarmUp.spec("/missing"), WarmUp.FILES, NO_CONFIG, List.of(layer), NetworkSetup.NONE);
            throw new IllegalStateException("a program that is not there was started");
        } catch (RuntimeShimException e) {
            if (e.kind() != RuntimeShimException.Kind.INVALID) throw e;
        }
    }

    @Override
    public Container start(ContainerSpec spec, List<ContainerFile> files, NetworkSetup network) {
        if (!ID.matcher(spec.id()).matches() || spec.id().equals(WarmUp.ID)) {
            throw RuntimeShimException.invalid("container id \"" + spec.id() + "\" is not 64 hexadecimal characters");
        }
        if (spec.tty()) throw RuntimeShimException.unsupported("containers with a terminal (tty) are not supported yet");
        if (spec.openStdin()) throw RuntimeShimException.unsupported("containers with an open standard input (stdin_open) are not supported yet");
        Image image = images.find(spec.image());
        if (image == null) throw RuntimeShimException.notFound("No such image: " + spec.image());
        reserve(spec.id());
        try {
            Supervised started = launch(spec, files, image.config(), images.layerDirectories(image), network);
            synchronized (this) {
                containers.put(spec.id(), started);
            }
            loop.execute(() -> watch(started));
            return started.state().container();
        } finally {
            synchronized (this) {
                starting.remove(spec.id());
            }
        }
    }

    private synchronized void reserve(String id) {
        if (containers.containsKey(id) || !starting.add(id)) throw RuntimeShimException.conflict("container " + id + " exists already");
    }

    /** All of a start but watching over it. Leaves nothing behind when it fails. */
    private Supervised launch(ContainerSpec spec, List<ContainerFile> files, Image.Config image, List<Path> layers, NetworkSetup network) {
        ProcessPlan plan = ProcessPlan.of(spec, image, availableCapabilities);
        Bundle bundle = new Bundle(spec.id(), containersDirectory().resolve(spec.id()));
        LogOptions.parse(spec.logOptions());
        LaunchRequest request = new LaunchRequest(
                bundle, plan, layers.size(), volumes.resolve(spec.mounts()), Volumes.withPlainPaths(files), spec.readOnlyRoot(), Sysctls.complete(spec.sysctls()),
                launcher.filter(plan.capabilities()));
        try {
            bundle.create(kernel, spec, plan.hostname(), layers);
            cgroups.create(spec.id());
            HeldProcess held = launcher.hold(request);
            return goOn(spec, plan, bundle, held, network);
        } catch (RuntimeException e) {
            undo(bundle, e);
            throw e;
        }
    }

    private Supervised goOn(ContainerSpec spec, ProcessPlan plan, Bundle bundle, HeldProcess held, NetworkSetup network) {
        ContainerLog log = null;
        try {
            cgroups.enter(spec.id(), held.pid());
            cgroups.limit(spec.id(), spec.limits());
            network.attach(spec.id(), Path.of("/proc/" + held.pid() + "/ns/net"));
            launcher.mountProc(held, bundle);
            log = openLog(bundle, spec);
            ContainerState state = ContainerState.running(spec, plan.stopSignal(), held.pid(), held.startTime(), bootId, clock.instant());
            state.write(bundle.stateFile());
            held.release();
            return Supervised.running(bundle, state, held.descriptor(), log);
        } catch (RuntimeException e) {
            if (log != null) log.close();
            held.abandon();
            throw e;
        }
    }

    private void undo(Bundle bundle, RuntimeException cause) {
        try {
            removeCgroups(bundle.id(), CGROUP_ATTEMPTS_AT_REMOVAL);
            bundle.delete();
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
        }
    }

    private ContainerLog openLog(Bundle bundle, ContainerSpec spec) {
        try {
            JsonFileLog file = new JsonFileLog(bundle.logFile(), LogOptions.parse(spec.logOptions()));
            return new ContainerLog(kernel, clock, bundle.standardOutput(), bundle.standardError(), file);
        } catch (IOException e) {
            throw RuntimeShimException.system("open log " + bundle.logFile() + ": " + e, e);
        }
    }

    private void watch(Supervised container) {
        container.log().watch(loop, logBuffer);
        if (container.process() == null) {
            end(container, OptionalInt.empty()); // it ended while no agent ran
        } else {
            loop.watch(container.process(), () -> processReadable(container));
        }
    }

    private void processReadable(Supervised container) {
        Descriptor process = container.process();
        if (process == null || !kernel.waitReadable(process, 0)) return;
        OptionalInt exitCode = ExitStatus.of(kernel, container.state().pid(), process);
        loop.unwatch(process);
        end(container, exitCode);
    }

    private void end(Supervised container, OptionalInt exitCode) {
        container.log().finish(loop, logBuffer);
        boolean oomKilled = cgroups.oomKilled(container.id());
        removeCgroups(container.id(), CGROUP_ATTEMPTS_AT_END);
        try {
            container.end(clock.instant(), exitCode, oomKilled);
        } catch (RuntimeShimException e) {
            LOG.error("the end of container {} is known to this agent, but would not be to the next", container.id(), e); // a full disk
        }
        container.announceEnd();
        if (!container.id().equals(WarmUp.ID)) tell(container.state().container());
    }

    private void tell(Container ended) {
        if (listeners.isEmpty()) untold.add(ended);
        for (Consumer<Container> listener : listeners) tell(listener, ended);
    }

    private static void tell(Consumer<Container> listener, Container ended) {
        try {
            listener.accept(ended);
        } catch (RuntimeException e) {
            LOG.error("a listener failed on the end of container {}", ended.id(), e);
        }
    }

    /** A process that is just ending still counts in its group for a moment. @return false where one stays */
    private boolean removeCgroups(String id, int attempts) {
        for (int attempt = 0; attempt < attempts; attempt++) {
            if (cgroups.remove(id)) return true;
            if (attempt == attempts / 2) cgroups.kill(id);
            try {
                Thread.sleep(1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return false;
    }

    @Override
    public void signal(String containerId, String signal) {
        require(containerId).signal(kernel, Signals.number(signal));
    }

    @Override
    public void stop(String containerId, Duration grace) {
        Supervised container = require(containerId);
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
        if (!removeCgroups(containerId, CGROUP_ATTEMPTS_AT_REMOVAL)) {
            throw RuntimeShimException.system("control group of container " + containerId + " is still in use", null);
        }
        container.bundle().delete();
        synchronized (this) {
            containers.remove(containerId);
        }
    }

    @Override
    public synchronized List<Container> list() {
        return containers.values().stream().map(container -> container.state().container()).toList();
    }

    @Override
    public Container inspect(String containerId) {
        Supervised container = find(containerId);
        return container == null ? null : container.state().container();
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
    public void onExit(Consumer<Container> listener) {
        loop.execute(() -> {
            listeners.add(listener);
            for (Container ended : untold) tell(listener, ended);
            untold.clear();
        });
    }

    @Override
    public void close() {
        loop.execute(() -> {
            for (Supervised container : running()) {
                loop.unwatch(container.process());
                container.log().finish(loop, logBuffer);
                container.letGo();
            }
        });
        loop.close();
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
