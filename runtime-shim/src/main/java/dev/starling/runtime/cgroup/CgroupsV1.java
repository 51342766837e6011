package dev.starling.runtime.cgroup;

import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Control groups version 1: a hierarchy for each controller, or for a few that are mounted together. */
final class CgroupsV1 implements Cgroups {
    /** Those a container joins. With cpu, cpuacct, cpuset and memory, a JVM inside recognises its limits. */
    static final Set<String> CONTROLLERS = Set.of("blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids");

    private static final long PERIOD_MICROS = 100_000;

    /** Docker's: any node may be made; these may be used. Numbers of Documentation/admin-guide/devices.txt. */
    private static final List<String> ALLOWED_DEVICES = List.of(
            "c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm");

    /** @param mountPoint e.g. {@code /sys/fs/cgroup/memory} */
    record Hierarchy(Path mountPoint, Set<String> controllers) {}

    private final Kernel kernel;
    private final List<Hierarchy> hierarchies;
    private final String parent;

    CgroupsV1(Kernel kernel, List<Hierarchy> hierarchies, String parent) {
        this.kernel = kernel;
        this.hierarchies = List.copyOf(hierarchies);
        this.parent = parent;
        for (Hierarchy hierarchy : hierarchies) {
            Path path = hierarchy.mountPoint;
            for (Path name : Path.of(parent)) {
                Path child = path.resolve(name);
                kernel.makeDirectory(child.toString(), 0755);
                if (hierarchy.controllers.contains("cpuset")) inheritCpus(path, child);
                path = child;
            }
        }
    }

    /** A new cpuset is empty, and nothing can join an empty one. */
    private void inheritCpus(Path from, Path to) {
        for (String file : List.of("cpuset.cpus", "cpuset.mems")) {
            if (kernel.read(to.resolve(file).toString()).isBlank()) {
                kernel.write(to.resolve(file).toString(), kernel.read(from.resolve(file).toString()).trim());
            }
        }
    }

    private Path group(Hierarchy hierarchy, String containerId) {
        return hierarchy.mountPoint.resolve(parent).resolve(containerId);
    }

    @Override
    public void create(String containerId) {
        for (Hierarchy hierarchy : hierarchies) {
            Path group = group(hierarchy, containerId);
            kernel.check(kernel.libc().mkdir(group.toString(), 0755), "mkdir", group.toString());
            if (hierarchy.controllers.contains("cpuset")) inheritCpus(group.getParent(), group);
        }
    }

    @Override
    public void enterWithThread(String containerId, int threadId) {
        for (Hierarchy hierarchy : hierarchies) {
            kernel.write(group(hierarchy, containerId).resolve("tasks").toString(), Integer.toString(threadId));
        }
    }

    @Override
    public void enter(String containerId, int pid) {
        // born inside
    }

    @Override
    public void limit(String containerId, ContainerSpec.Limits limits) {
        for (Hierarchy hierarchy : hierarchies) {
            Path group = group(hierarchy, containerId);
            if (hierarchy.controllers.contains("memory") && limits.memoryBytes() > 0) limitMemory(group, limits.memoryBytes());
            if (hierarchy.controllers.contains("pids") && limits.pids() > 0) set(group, "pids.max", limits.pids());
            if (hierarchy.controllers.contains("cpu") && limits.nanoCpus() > 0) {
                set(group, "cpu.cfs_period_us", PERIOD_MICROS);
                set(group, "cpu.cfs_quota_us", Math.max(1000, limits.nanoCpus() * PERIOD_MICROS / 1_000_000_000));
            }
            if (hierarchy.controllers.contains("devices")) {
                kernel.write(group.resolve("devices.deny").toString(), "a");
                for (String device : ALLOWED_DEVICES) kernel.write(group.resolve("devices.allow").toString(), device);
            }
        }
    }

    /** As Docker does where only memory is asked for: as much swap as memory, where the kernel counts swap. */
    private void limitMemory(Path group, long bytes) {
        set(group, "memory.limit_in_bytes", bytes);
        if (Files.exists(group.resolve("memory.memsw.limit_in_bytes"))) set(group, "memory.memsw.limit_in_bytes", 2 * bytes);
    }

    private void set(Path group, String file, long value) {
        kernel.write(group.resolve(file).toString(), Long.toString(value));
    }

    @Override
    public List<ControllerMount> mounts() {
        List<ControllerMount> mounts = new ArrayList<>();
        for (Hierarchy hierarchy : hierarchies) {
            mounts.add(new ControllerMount(hierarchy.mountPoint.getFileName().toString(), "cgroup", String.join(",", hierarchy.controllers)));
        }
        return mounts;
    }

    @Override
    public boolean oomKilled(String containerId) {
        for (Hierarchy hierarchy : hierarchies) {
            Path control = group(hierarchy, containerId).resolve("memory.oom_control");
            if (!hierarchy.controllers.contains("memory") || !Files.exists(control)) continue;
            for (String line : kernel.read(control.toString()).split("\n")) {
                if (line.startsWith("oom_kill ")) return !line.equals("oom_kill 0");
            }
        }
        return false;
    }

    @Override
    public void kill(String containerId) {
        for (Hierarchy hierarchy : hierarchies) {
            Path processes = group(hierarchy, containerId).resolve("cgroup.procs");
            if (Files.exists(processes)) CgroupProcesses.killAll(kernel, processes);
        }
    }

    @Override
    public boolean remove(String containerId) {
        boolean all = true;
        for (Hierarchy hierarchy : hierarchies) {
            Path group = group(hierarchy, containerId);
            if (kernel.libc().rmdir(group.toString()) == 0 || kernel.errno() == Errno.ENOENT.number()) continue;
            if (kernel.errno() != Errno.EBUSY.number()) throw kernel.failure("rmdir " + group, kernel.errno());
            all = false;
        }
        return all;
    }

    @Override
    public Set<String> containerIds() {
        Set<String> ids = new TreeSet<>();
        for (Hierarchy hierarchy : hierarchies) ids.addAll(Cgroups.childrenOf(hierarchy.mountPoint.resolve(parent)));
        return ids;
    }

    @Override
    public Optional<Path> namespaceMakerJoins(String containerId) {
        return Optional.empty();
    }
}
