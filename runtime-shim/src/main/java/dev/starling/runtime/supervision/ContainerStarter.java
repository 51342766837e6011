package dev.starling.runtime.supervision;

import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Mount;
import dev.starling.runtime.Security;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.AppArmor;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ContainerLauncher;
import dev.starling.runtime.launch.Devices;
import dev.starling.runtime.launch.ImageRoot;
import dev.starling.runtime.launch.InitProgram;
import dev.starling.runtime.launch.KeptTerminal;
import dev.starling.runtime.launch.LaunchRequest;
import dev.starling.runtime.launch.NameFiles;
import dev.starling.runtime.launch.ProcessPlan;
import dev.starling.runtime.launch.Sysctls;
import dev.starling.runtime.logs.ContainerLog;
import dev.starling.runtime.logs.ContainerLogs;
import dev.starling.runtime.logs.LogOptions;
import dev.starling.runtime.seccomp.FilterSource;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;

/** All of a container's start but watching over it. Leaves nothing behind when it fails. */
final class ContainerStarter {
    private final Kernel kernel;
    private final Clock clock;
    private final Cgroups cgroups;
    private final ContainerLauncher launcher;
    private final Volumes volumes;
    private final ContainerLogs logs;
    private final Path directory;
    private final String bootId;
    private final long availableCapabilities;

    /** @param directory of the containers; {@code availableCapabilities} the agent's own */
    ContainerStarter(
            Kernel kernel, Clock clock, Cgroups cgroups, ContainerLauncher launcher, Volumes volumes, ContainerLogs logs, Path directory, String bootId,
            long availableCapabilities) {
        this.kernel = kernel;
        this.clock = clock;
        this.cgroups = cgroups;
        this.launcher = launcher;
        this.volumes = volumes;
        this.logs = logs;
        this.directory = directory;
        this.bootId = bootId;
        this.availableCapabilities = availableCapabilities;
    }

    Bundle bundle(String id) {
        return new Bundle(id, directory.resolve(id));
    }

    Supervised start(
            ContainerSpec spec, List<ContainerFile> files, Image.Config image, List<Path> layers, ContainerRuntime.NetworkSetup network) {
        ProcessPlan plan = ProcessPlan.of(spec, image, availableCapabilities);
        plan.health().check();
        if (plan.health().isSet()) {
            launcher.checkExec(plan.capabilities());
        }
        Security security = spec.security();
        launcher.check(security);
        spec.process().limits().check();
        FilterSource.check(security.seccomp());
        AppArmor.check(Path.of("/"), security.appArmor());
        LogOptions.parse(spec.logging());
        if (spec.streams().tty()) {
            KeptTerminal.check();
        }
        Devices devices = Devices.onHost(security);
        Bundle bundle = bundle(spec.id());
        Path init = spec.process().init() ? InitProgram.onHost() : null;
        try {
            bundle.create(kernel, spec.streams(), layers);
            List<Mount> mounts = volumes.resolve(spec.filesystem().mounts(), image.volumes(), bundle, layers.size());
            LaunchRequest request = new LaunchRequest(
                    bundle, plan, new ImageRoot.Layers(layers.size()), spec.filesystem().withMounts(mounts), NameFiles.of(spec.names(), plan.hostname()),
                    Volumes.withPlainPaths(files), Sysctls.complete(spec.sysctls()), security, spec.process().limits(), devices, spec.streams(), init);
            return goOn(spec, request, launcher.hold(request), network);
        } catch (RuntimeException e) {
            undo(bundle, e);
            throw e;
        }
    }

    private Supervised goOn(
            ContainerSpec spec, LaunchRequest request, ContainerLauncher.Held held, ContainerRuntime.NetworkSetup network) {
        Bundle bundle = request.bundle();
        KeptTerminal terminal = null;
        ContainerLog log = null;
        try {
            if (held.terminal() != null) {
                terminal = KeptTerminal.keep(kernel, cgroups, bundle, held.terminal());
            }
            cgroups.limit(spec.id(), spec.limits(), request.devices().rules());
            network.attach(spec.id(), Path.of("/proc/" + held.pid() + "/ns/net"));
            held.furnish();
            log = openLog(bundle, spec, terminal);
            ContainerState state = ContainerState.running(spec, request.process(), held.pid(), held.startTime(), bootId, clock.instant());
            state.append(bundle.stateFile());
            held.release();
            return Supervised.running(bundle, state, held.descriptor(), log, terminal);
        } catch (RuntimeException e) {
            if (log != null) {
                log.close();
            }
            if (terminal != null) {
                terminal.end();
            }
            held.abandon();
            throw e;
        }
    }

    private void undo(Bundle bundle, RuntimeException cause) {
        volumes.release(bundle.id());
        try {
            cgroups.remove(bundle.id(), Cgroups.MANY_ATTEMPTS);
            bundle.delete();
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
        }
    }

    /** @param terminal null where it has none, or where it was lost: then there is nothing to read any more */
    ContainerLog openLog(Bundle bundle, ContainerSpec spec, KeptTerminal terminal) {
        List<ContainerLog.Source> sources;
        if (spec.streams().tty()) {
            sources = terminal == null ? List.of() : ContainerLog.Source.terminal(terminal.duplicate());
        } else {
            sources = ContainerLog.Source.fifos(kernel, bundle.standardOutput(), bundle.standardError());
        }
        return openLog(bundle, spec, sources);
    }

    /** With what is in it, and nothing that comes. */
    ContainerLog openLogOfNothing(Bundle bundle, ContainerSpec spec) {
        return openLog(bundle, spec, List.of());
    }

    private ContainerLog openLog(Bundle bundle, ContainerSpec spec, List<ContainerLog.Source> sources) {
        return logs.open(sources, bundle.logFile(), LogOptions.parse(spec.logging()));
    }
}
