package dev.starling.runtime.cgroup;

import dev.starling.runtime.ResourceLimits;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Control groups version 1: a hierarchy for each controller, or for a few that are mounted together. */
final class CgroupsV1 implements Cgroups {
    /** Those a container joins. With cpu, cpuacct, cpuset and memory, a JVM inside recognises its limits. */
    static final Set<String> CONTROLLERS = Set.of("blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids");

    private static final long PERIOD_MICROS = 100_000;
    private static final long NANOS_A_TICK = 10_000_000; // USER_HZ is 100 on all our architectures

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
                if (hierarchy.controllers.contains("cpuset")) {
                    inheritCpus(path, child);
                }
                path = child;
            }
            if (hierarchy.controllers.contains("cpuset")) { // the containers' have its processors at once
                kernel.write(path.resolve("cgroup.clone_children").toString(), "1");
            }
            if (hierarchy.controllers.contains("devices")) {
                allowDevices(path);
            }
        }
    }

    /**
     * The node's own group has all devices: the kernel lets no group have one that the group above has not, and each container has its own.
     * An earlier release left the few here that all containers have.
     */
    private void allowDevices(Path nodes) {
        if (kernel.read(nodes.resolve("devices.list").toString()).startsWith("a ")) {
            return;
        }
        try {
            kernel.write(nodes.resolve("devices.allow").toString(), "a");
        } catch (RuntimeShimException e) {
            // EINVAL: that release's containers are still there, and until they are gone no other gets more. EPERM: the agent itself has not all.
            if (e.errno() != Errno.EINVAL.number() && e.errno() != Errno.EPERM.number()) {
                throw e;
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
    public String path(String containerId) {
        return "/" + parent + "/" + containerId;
    }

    @Override
    public void create(String containerId) {
        for (Hierarchy hierarchy : hierarchies) {
            Path group = group(hierarchy, containerId);
            kernel.check(kernel.libc().mkdir(group.toString(), 0755), "mkdir", group.toString());
            if (hierarchy.controllers.contains("devices")) {
                kernel.write(group.resolve("devices.deny").toString(), "a");
                for (String device : ALLOWED_DEVICES) {
                    kernel.write(group.resolve("devices.allow").toString(), device);
                }
            }
        }
    }

    @Override
    public void prepare(String name) {
        create(name);
    }

    @Override
    public void claim(String name, String containerId) {
        for (Hierarchy hierarchy : hierarchies) {
            Path from = group(hierarchy, name);
            kernel.check(kernel.libc().rename(from.toString(), group(hierarchy, containerId).toString()), "rename", from.toString());
        }
    }

    /** By 0, "myself", not by number: to move any other thread the kernel first waits until nobody in the machine forks (some 10 ms, for a grace period). */
    @Override
    public void enterWithThread(String containerId) {
        for (Hierarchy hierarchy : hierarchies) {
            kernel.write(group(hierarchy, containerId).resolve("tasks").toString(), "0");
        }
    }

    @Override
    public void enter(String containerId, int pid) {
        // born inside
    }

    @Override
    public void limit(String containerId, ResourceLimits limits, List<DeviceRule> devices) {
        for (Hierarchy hierarchy : hierarchies) {
            Path group = group(hierarchy, containerId);
            if (hierarchy.controllers.contains("memory") && limits.memoryBytes() > 0) {
                limitMemory(group, limits);
            }
            if (hierarchy.controllers.contains("memory") && limits.swappiness() != null) {
                set(group, "memory.swappiness", limits.swappiness());
            }
            if (hierarchy.controllers.contains("pids") && limits.pids() > 0) {
                set(group, "pids.max", limits.pids());
            }
            if (hierarchy.controllers.contains("cpu") && limits.nanoCpus() > 0) {
                set(group, "cpu.cfs_period_us", PERIOD_MICROS);
                set(group, "cpu.cfs_quota_us", Math.max(1000, limits.nanoCpus() * PERIOD_MICROS / 1_000_000_000));
            }
            if (hierarchy.controllers.contains("devices")) {
                for (DeviceRule rule : devices) {
                    kernel.write(group.resolve("devices.allow").toString(), rule.text());
                }
            }
        }
    }

    /** As Docker does where only memory is asked for: as much swap as memory, where the kernel counts swap. */
    private void limitMemory(Path group, ResourceLimits limits) {
        long memory = limits.memoryBytes();
        long swap = limits.swapBytes() == null ? memory : limits.swapBytes();
        set(group, "memory.limit_in_bytes", memory);
        if (Files.exists(group.resolve("memory.memsw.limit_in_bytes"))) {
            set(group, "memory.memsw.limit_in_bytes", swap < 0 || swap > Long.MAX_VALUE - memory ? -1 : memory + swap);
        } else if (limits.swapBytes() != null) {
            throw RuntimeShimException.unsupported("limit of swap: this node's kernel does not count swap (memory.memsw.limit_in_bytes; boot with swapaccount=1)");
        }
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
            if (!hierarchy.controllers.contains("memory") || !Files.exists(control)) {
                continue;
            }
            for (String line : kernel.read(control.toString()).split("\n")) {
                if (line.startsWith("oom_kill ")) {
                    return !line.equals("oom_kill 0");
                }
            }
        }
        return false;
    }

    @Override
    public void kill(String containerId) {
        for (Hierarchy hierarchy : hierarchies) {
            Path processes = group(hierarchy, containerId).resolve("cgroup.procs");
            if (Files.exists(processes)) {
                CgroupProcesses.killAll(kernel, processes);
            }
        }
    }

    /** A container with its own cgroup tree (systemd, Docker in Docker) leaves child groups: deepest first. */
    @Override
    public boolean remove(String containerId) {
        boolean all = true;
        for (Hierarchy hierarchy : hierarchies) {
            Path group = group(hierarchy, containerId);
            all &= remove(group) || removeChildren(group) && remove(group);
        }
        return all;
    }

    private boolean remove(Path group) {
        if (kernel.libc().rmdir(group.toString()) == 0 || kernel.errno() == Errno.ENOENT.number()) {
            return true;
        }
        if (kernel.errno() == Errno.EBUSY.number()) {
            return false;
        }
        throw kernel.failure("rmdir " + group, kernel.errno());
    }

    /** @return whether there were any, and are none any more */
    private boolean removeChildren(Path group) {
        if (!hasChildren(group)) {
            return false;
        }
        for (String name : Cgroups.childrenOf(group)) {
            Path child = group.resolve(name);
            if (!remove(child) && !(removeChildren(child) && remove(child))) {
                return false;
            }
        }
        return true;
    }

    /** By the number of its links, as of any directory: to look through its files would be a good part of a container's end. */
    private static boolean hasChildren(Path group) {
        try {
            return (int) Files.getAttribute(group, "unix:nlink") > 2;
        } catch (IOException e) {
            return false; // gone meanwhile
        }
    }

    private Path file(String controller, String containerId, String name) {
        for (Hierarchy hierarchy : hierarchies) {
            if (hierarchy.controllers.contains(controller)) {
                return group(hierarchy, containerId).resolve(name);
            }
        }
        return Path.of("/nonexistent");
    }

    @Override
    public void freeze(String containerId, boolean still) {
        Path control = file("freezer", containerId, "freezer.state");
        if (!Files.exists(control)) {
            throw RuntimeShimException.unsupported("pausing a container: this kernel has no freezer controller");
        }
        if (still) {
            awaitNoThreadOfOurs(containerId);
        }
        String wanted = still ? "FROZEN" : "THAWED";
        kernel.write(control.toString(), wanted);
        Freezing.await(attempt -> {
            if (kernel.read(control.toString()).trim().equals(wanted)) {
                return true;
            }
            if (attempt % 10 == 9) { // a process forked meanwhile: the kernel wants to be asked again
                kernel.write(control.toString(), wanted);
            }
            return false;
        }, control + " does not become " + wanted);
    }

    /**
     * A thread that brought forth a process in there is over for Java before it is for the kernel. Frozen on its last steps it would stop the whole agent, which
     * waits for all its threads now and then.
     */
    private void awaitNoThreadOfOurs(String containerId) {
        Path tasks = file("freezer", containerId, "cgroup.procs");
        Freezing.await(attempt -> !CgroupProcesses.hasOurs(kernel, tasks), "a thread of the agent stays in " + tasks + ": not pausing its container");
    }

    @Override
    public boolean isFrozen(String containerId) {
        Path control = file("freezer", containerId, "freezer.state");
        return Files.exists(control) && !kernel.read(control.toString()).trim().equals("THAWED");
    }

    @Override
    public ControlGroupStats stats(String containerId) {
        Map<String, Long> ticks = CounterFile.table(kernel, file("cpuacct", containerId, "cpuacct.stat"));
        Map<String, Long> cpu = CounterFile.table(kernel, file("cpu", containerId, "cpu.stat"));
        Path io = file("blkio", containerId, "blkio.throttle.io_service_bytes_recursive");
        return new ControlGroupStats(
                CounterFile.number(kernel, file("cpuacct", containerId, "cpuacct.usage")), ticks.getOrDefault("user", 0L) * NANOS_A_TICK,
                ticks.getOrDefault("system", 0L) * NANOS_A_TICK, cpu.getOrDefault("nr_periods", 0L), cpu.getOrDefault("nr_throttled", 0L),
                cpu.getOrDefault("throttled_time", 0L), CounterFile.number(kernel, file("memory", containerId, "memory.usage_in_bytes")),
                CounterFile.number(kernel, file("memory", containerId, "memory.max_usage_in_bytes")),
                CounterFile.number(kernel, file("memory", containerId, "memory.limit_in_bytes")),
                CounterFile.table(kernel, file("memory", containerId, "memory.stat")), CounterFile.number(kernel, file("pids", containerId, "pids.current")),
                CounterFile.number(kernel, file("pids", containerId, "pids.max")), transferred(io, "Read"), transferred(io, "Write"));
    }

    /** Lines {@code 8:0 Read 4096}, one a device. */
    private long transferred(Path file, String direction) {
        long sum = 0;
        if (!Files.exists(file)) {
            return sum;
        }
        for (String line : kernel.read(file.toString()).split("\n")) {
            String[] words = line.split(" ");
            if (words.length == 3 && words[1].equals(direction)) {
                sum += Long.parseLong(words[2]);
            }
        }
        return sum;
    }

    @Override
    public List<Integer> processes(String containerId) {
        return CgroupProcesses.list(kernel, group(hierarchies.get(0), containerId).resolve("cgroup.procs"));
    }

    @Override
    public Set<String> containerIds() {
        Set<String> ids = new TreeSet<>();
        for (Hierarchy hierarchy : hierarchies) {
            ids.addAll(Cgroups.childrenOf(hierarchy.mountPoint.resolve(parent)));
        }
        return ids;
    }

    @Override
    public Optional<Path> namespaceMakerJoins(String containerId) {
        return Optional.empty();
    }
}
