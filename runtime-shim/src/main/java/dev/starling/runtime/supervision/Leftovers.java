package dev.starling.runtime.supervision;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ExitStatus;
import dev.starling.runtime.launch.WarmUp;
import dev.starling.runtime.oci.OciLauncher;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an earlier agent has left: containers to adopt, and the remains of starts it did not finish, which are removed.
 *
 * <p>A start that was cut off may have left a process that is held before exec and shares the dead agent's memory. It is known by its
 * working directory, which is a gate of ours. An OCI runtime holds its processes in a way of its own. A trial container ({@link TrialContainer}) was never
 * meant to stay.
 */
final class Leftovers {
    private static final Logger LOG = LoggerFactory.getLogger(Leftovers.class);
    private static final int REMOVE_ATTEMPTS = 1000;

    /** @param process null where the container's first process is no more */
    record Found(Bundle bundle, ContainerState state, Descriptor process) {}

    private final Kernel kernel;
    private final Cgroups cgroups;
    private final Path containers;
    private final Path gates;
    private final String bootId;

    Leftovers(Kernel kernel, Cgroups cgroups, Path containers, Path gates, String bootId) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.containers = containers;
        this.gates = gates;
        this.bootId = bootId;
    }

    List<Found> sweep() throws IOException {
        List<Found> found = new ArrayList<>();
        Set<String> known = new HashSet<>();
        Set<Integer> held = killHeld();
        for (Bundle bundle : bundles()) {
            ContainerState state = state(bundle);
            if (state == null || bundle.id().equals(WarmUp.ID) || state.bootId().equals(bootId) && (held.contains(state.pid()) || OciLauncher.isHeld(bundle))) {
                LOG.info("removing the remains of a start that was not finished: {}", bundle.id());
                clear(bundle.id());
                delete(bundle);
            } else {
                known.add(bundle.id());
                found.add(new Found(bundle, state, state.hasEnded() ? null : process(state)));
            }
        }
        for (String id : cgroups.containerIds()) {
            if (!known.contains(id)) {
                clear(id);
            }
        }
        return found;
    }

    /** What a damaged disk does not give away must not keep the agent from starting: all it costs is its place. */
    private static void delete(Bundle remains) {
        try {
            remains.delete();
        } catch (RuntimeShimException e) {
            LOG.warn("remains of a container stay until the agent's next start: {}", e.getMessage());
        }
    }

    private List<Bundle> bundles() throws IOException {
        List<Bundle> bundles = new ArrayList<>();
        for (Path directory : directoriesIn(containers)) {
            bundles.add(new Bundle(directory.getFileName().toString(), directory));
        }
        return bundles;
    }

    private static List<Path> directoriesIn(Path parent) throws IOException {
        List<Path> found = new ArrayList<>();
        if (!Files.isDirectory(parent)) {
            return found;
        }
        try (DirectoryStream<Path> directories = Files.newDirectoryStream(parent)) {
            directories.forEach(found::add);
        }
        return found;
    }

    private static ContainerState state(Bundle bundle) {
        if (!Files.exists(bundle.stateFile())) {
            return null;
        }
        try {
            return ContainerState.read(bundle.stateFile());
        } catch (IOException e) {
            LOG.warn("{} cannot be read: {}", bundle.stateFile(), e.toString());
            return null;
        }
    }

    /** First the handle, then the comparison: then the handle is on that very process, whatever happens to the number. */
    private Descriptor process(ContainerState state) {
        if (!state.bootId().equals(bootId)) {
            return null;
        }
        Descriptor process;
        try {
            process = kernel.openProcess(state.pid());
        } catch (RuntimeShimException e) {
            if (e.errno() == Errno.ESRCH.number() || e.errno() == Errno.EINVAL.number()) {
                return null;
            }
            throw e;
        }
        if (ExitStatus.startTime(kernel, state.pid()) == state.startTime()) {
            return process;
        }
        process.close();
        return null;
    }

    /** @return who was killed: its start has not come to its end, whatever {@code state.json} says */
    private Set<Integer> killHeld() throws IOException {
        Set<Object> directories = new HashSet<>();
        for (Path gate : directoriesIn(gates)) {
            directories.add(Files.readAttributes(gate, BasicFileAttributes.class).fileKey());
        }
        Set<Integer> killed = new HashSet<>();
        if (directories.isEmpty()) {
            return killed;
        }
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                if (!directories.contains(workingDirectory(process))) {
                    continue;
                }
                int pid = Integer.parseInt(process.getFileName().toString());
                try (Descriptor handle = kernel.openProcess(pid)) {
                    if (directories.contains(workingDirectory(process)) && kernel.signal(handle, Signals.SIGKILL)) {
                        killed.add(pid);
                    }
                } catch (RuntimeShimException e) {
                    if (e.errno() != Errno.ESRCH.number()) {
                        throw e;
                    }
                }
            }
        }
        return killed;
    }

    /** Device and inode of it; null where there is none. */
    private static Object workingDirectory(Path process) {
        try {
            return Files.readAttributes(process.resolve("cwd"), BasicFileAttributes.class).fileKey();
        } catch (IOException e) {
            return null; // it has ended, or is a kernel thread
        }
    }

    private void clear(String containerId) {
        for (int attempt = 0; attempt < REMOVE_ATTEMPTS; attempt++) {
            cgroups.kill(containerId);
            if (cgroups.remove(containerId)) {
                return;
            }
            pause();
        }
        LOG.warn("control group of {} is still in use and stays", containerId);
    }

    private static void pause() {
        try {
            Thread.sleep(2);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw RuntimeShimException.system("interrupted while removing control groups", e);
        }
    }
}
