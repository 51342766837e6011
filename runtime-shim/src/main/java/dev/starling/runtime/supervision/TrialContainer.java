package dev.starling.runtime.supervision;

import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ProcessLimits;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.Security;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ClassPreload;
import dev.starling.runtime.launch.ContainerLauncher;
import dev.starling.runtime.launch.ExecChild;
import dev.starling.runtime.launch.ExecRequest;
import dev.starling.runtime.launch.ExecRequest.TerminalSize;
import dev.starling.runtime.launch.ExitStatus;
import dev.starling.runtime.launch.ProcessPlan;
import dev.starling.runtime.launch.WarmUp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Function;

/**
 * A throw-away container, run before all others: it loads every class and takes every way that a start, a refused start and an added process
 * take, so that none is looked up later on a thread whose root directory is an image. It also finds out early, and with a clear error, that this
 * machine cannot run containers.
 */
final class TrialContainer {
    private static final Image.Config NO_CONFIG =
            new Image.Config(List.of(), List.of(), List.of(), "", "", "", Map.of(), List.of(), List.of());
    private static final int EXEC_TIMEOUT_MILLIS = 10_000;

    private final Kernel kernel;
    private final Cgroups cgroups;
    private final ContainerStarter starter;
    private final ContainerLauncher launcher;
    private final Path directory;

    /** @param directory for its one layer; gone afterwards */
    TrialContainer(
            Kernel kernel, Cgroups cgroups, ContainerStarter starter, ContainerLauncher launcher, Path directory) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.starter = starter;
        this.launcher = launcher;
        this.directory = directory;
    }

    /** @param toEnd watches a started container until its end, and tells its exit code */
    void run(Function<Supervised, OptionalInt> toEnd) throws IOException {
        Bundle remains = new Bundle("warm-up", directory);
        remains.delete();
        ClassPreload.loadAll();
        Path layer = Files.createDirectory(directory);
        try {
            WarmUp.writeLayer(layer, kernel.architecture());
            Supervised trial = starter.start(WarmUp.spec(WarmUp.PROGRAM), WarmUp.FILES, NO_CONFIG, List.of(layer), this::addProcesses);
            OptionalInt exitCode = toEnd.apply(trial);
            trial.removeGroups(cgroups, Cgroups.MANY_ATTEMPTS);
            trial.bundle().delete();
            if (!exitCode.equals(OptionalInt.of(0))) {
                throw RuntimeShimException.system("a trial container ended with " + exitCode + " and not 0", null);
            }
            beRefused(layer);
        } finally {
            remains.delete();
        }
    }

    /** While its first process is held. */
    private void addProcesses(String containerId, Path networkNamespace) {
        if (!launcher.addsToHeld()) {
            return;
        }
        int pid = Integer.parseInt(networkNamespace.getName(1).toString());
        try (Descriptor first = kernel.openProcess(pid)) {
            addProcess(first, pid, null);
            addProcess(first, pid, new TerminalSize(24, 80));
        }
    }

    private void addProcess(Descriptor first, int pid, TerminalSize terminal) {
        ProcessPlan plan = ProcessPlan.of(WarmUp.spec(WarmUp.PROGRAM), NO_CONFIG, -1);
        ExecChild child = launcher.exec(new ExecRequest(
                starter.bundle(WarmUp.ID), first, pid, plan, terminal, true, Security.DEFAULT, ProcessLimits.NONE));
        try (Descriptor process = child.process(); Descriptor input = child.input(); Descriptor output = child.output(); Descriptor error = child.error()) {
            boolean ended = kernel.waitReadable(process, EXEC_TIMEOUT_MILLIS);
            OptionalInt exitCode = ended ? ExitStatus.of(kernel, child.pid(), process) : OptionalInt.empty();
            if (!exitCode.equals(OptionalInt.of(0))) {
                kernel.signal(process, Signals.SIGKILL);
                throw RuntimeShimException.system("a process added to a trial container ended with " + exitCode + " and not 0", null);
            }
        }
    }

    /** The way a start fails is to be warm as well. */
    private void beRefused(Path layer) {
        try {
            starter.start(WarmUp.spec("/missing"), WarmUp.FILES, NO_CONFIG, List.of(layer), ContainerRuntime.NetworkSetup.NONE);
            throw new IllegalStateException("a program that is not there was started");
        } catch (RuntimeShimException e) {
            if (e.kind() != RuntimeShimException.Kind.INVALID) {
                throw e;
            }
        }
    }
}
