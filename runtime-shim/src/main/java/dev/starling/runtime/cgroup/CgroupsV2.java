package dev.starling.runtime.cgroup;

import dev.starling.runtime.ResourceLimits;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Control groups version 2: one tree. A controller works in a group only if each ancestor hands it down in {@code cgroup.subtree_control}. */
final class CgroupsV2 implements Cgroups {
    private static final List<String> CONTROLLERS = List.of("cpu", "cpuset", "io", "memory", "pids");
    private static final long PERIOD_MICROS = 100_000;

    private final Kernel kernel;
    private final Path mountPoint;
    private final Path parent;

    CgroupsV2(Kernel kernel, Path mountPoint, String parent) {
        this.kernel = kernel;
        this.mountPoint = mountPoint;
        this.parent = mountPoint.resolve(parent);
        Path path = mountPoint;
        handDown(path);
        for (Path name : Path.of(parent)) {
            path = path.resolve(name);
            kernel.makeDirectory(path.toString(), 0755);
            handDown(path);
        }
    }

    private void handDown(Path group) {
        Path control = group.resolve("cgroup.subtree_control");
        List<String> available = Arrays.asList(kernel.read(group.resolve("cgroup.controllers").toString()).trim().split(" "));
        List<String> active = Arrays.asList(kernel.read(control.toString()).trim().split(" "));
        for (String controller : CONTROLLERS) {
            if (!available.contains(controller) || active.contains(controller)) {
                continue;
            }
            try {
                kernel.write(control.toString(), "+" + controller);
            } catch (RuntimeShimException e) {
                if (e.errno() != Errno.EBUSY.number()) {
                    throw e;
                }
                throw new RuntimeShimException(
                        RuntimeShimException.Kind.SYSTEM,
                        e.getMessage() + ": " + group + " has processes of its own, and version 2 lets only groups without any have children with limits."
                                + " Run the agent in a group beside, not above, its containers'.",
                        e.errno(), e);
            }
        }
    }

    private Path group(String containerId) {
        return parent.resolve(containerId);
    }

    @Override
    public String path(String containerId) {
        return "/" + mountPoint.relativize(group(containerId));
    }

    @Override
    public void create(String containerId) {
        kernel.check(kernel.libc().mkdir(group(containerId).toString(), 0755), "mkdir", group(containerId).toString());
    }

    /** Nothing: who cannot join need not be there, and a group cannot be renamed. */
    @Override
    public void prepare(String name) {
        // see claim
    }

    @Override
    public void claim(String name, String containerId) {
        create(containerId);
    }

    @Override
    public void enterWithThread(String containerId) {
        // a thread cannot join alone (unless the group is "threaded", which rules out the memory controller)
    }

    @Override
    public void enter(String containerId, int pid) {
        kernel.write(group(containerId).resolve("cgroup.procs").toString(), Integer.toString(pid));
    }

    @Override
    public void limit(String containerId, ResourceLimits limits, List<DeviceRule> devices) {
        Path group = group(containerId);
        if (limits.memoryBytes() > 0) {
            require(group, "memory.max", Long.toString(limits.memoryBytes()));
            limitSwap(group, limits);
        }
        if (limits.swappiness() != null) {
            throw RuntimeShimException.unsupported("memory swappiness of a container: there is no such thing in version 2 of control groups, which this node has");
        }
        if (limits.pids() > 0) {
            require(group, "pids.max", Long.toString(limits.pids()));
        }
        if (limits.nanoCpus() > 0) {
            require(group, "cpu.max", Math.max(1000, limits.nanoCpus() * PERIOD_MICROS / 1_000_000_000) + " " + PERIOD_MICROS);
        }
        if (!DeviceRule.allowAll(devices)) {
            DeviceRules.attach(kernel, group.toString(), devices);
        }
    }

    /** As Docker does where only memory is asked for: as much swap as memory, where the kernel counts swap. */
    private void limitSwap(Path group, ResourceLimits limits) {
        if (Files.exists(group.resolve("memory.swap.max"))) {
            long swap = limits.swapBytes() == null ? limits.memoryBytes() : limits.swapBytes();
            require(group, "memory.swap.max", swap < 0 ? "max" : Long.toString(swap));
        } else if (limits.swapBytes() != null) {
            throw RuntimeShimException.unsupported("limit of swap: this node's kernel does not count swap (memory.swap.max)");
        }
    }

    private void require(Path group, String file, String value) {
        if (!Files.exists(group.resolve(file))) {
            throw RuntimeShimException.unsupported("limit \"" + file + "\": the controller is not available in " + parent);
        }
        kernel.write(group.resolve(file).toString(), value);
    }

    @Override
    public List<ControllerMount> mounts() {
        return List.of(new ControllerMount("", "cgroup2", null));
    }

    @Override
    public boolean oomKilled(String containerId) {
        Path events = group(containerId).resolve("memory.events");
        if (!Files.exists(events)) {
            return false;
        }
        for (String line : kernel.read(events.toString()).split("\n")) {
            if (line.startsWith("oom_kill ")) {
                return !line.equals("oom_kill 0");
            }
        }
        return false;
    }

    @Override
    public void kill(String containerId) {
        Path group = group(containerId);
        if (Files.exists(group.resolve("cgroup.kill"))) { // Linux 5.14
            try {
                kernel.write(group.resolve("cgroup.kill").toString(), "1");
            } catch (RuntimeShimException e) {
                if (!CgroupProcesses.isGone(e)) {
                    throw e;
                }
            }
        } else if (Files.exists(group.resolve("cgroup.procs"))) {
            CgroupProcesses.killAll(kernel, group.resolve("cgroup.procs"));
        }
    }

    /** A container with its own cgroup tree (systemd, Docker in Docker) leaves child groups: deepest first. */
    @Override
    public boolean remove(String containerId) {
        return remove(group(containerId));
    }

    private boolean remove(Path group) {
        boolean all = true;
        List<String> children = new ArrayList<>(Cgroups.childrenOf(group));
        for (String child : children) {
            all &= remove(group.resolve(child));
        }
        if (kernel.libc().rmdir(group.toString()) == 0 || kernel.errno() == Errno.ENOENT.number()) {
            return all;
        }
        if (kernel.errno() == Errno.EBUSY.number()) {
            return false;
        }
        throw kernel.failure("rmdir " + group, kernel.errno());
    }

    @Override
    public void freeze(String containerId, boolean still) {
        Path group = group(containerId);
        kernel.write(group.resolve("cgroup.freeze").toString(), still ? "1" : "0");
        Freezing.await(attempt -> isFrozen(containerId) == still, group + " does not become " + (still ? "frozen" : "thawed"));
    }

    @Override
    public boolean isFrozen(String containerId) {
        return CounterFile.table(kernel, group(containerId).resolve("cgroup.events")).getOrDefault("frozen", 0L) == 1;
    }

    @Override
    public ControlGroupStats stats(String containerId) {
        Path group = group(containerId);
        Map<String, Long> cpu = CounterFile.table(kernel, group.resolve("cpu.stat"));
        return new ControlGroupStats(
                micros(cpu, "usage_usec"), micros(cpu, "user_usec"), micros(cpu, "system_usec"), cpu.getOrDefault("nr_periods", 0L),
                cpu.getOrDefault("nr_throttled", 0L), micros(cpu, "throttled_usec"), CounterFile.number(kernel, group.resolve("memory.current")),
                CounterFile.number(kernel, group.resolve("memory.peak")), CounterFile.number(kernel, group.resolve("memory.max")),
                CounterFile.table(kernel, group.resolve("memory.stat")), CounterFile.number(kernel, group.resolve("pids.current")),
                CounterFile.number(kernel, group.resolve("pids.max")), transferred(group, "rbytes="), transferred(group, "wbytes="));
    }

    private static long micros(Map<String, Long> table, String name) {
        return table.getOrDefault(name, 0L) * 1000;
    }

    /** Lines {@code 8:0 rbytes=4096 wbytes=0 rios=1 ..}, one a device. */
    private long transferred(Path group, String field) {
        Path file = group.resolve("io.stat");
        long sum = 0;
        if (!Files.exists(file)) {
            return sum;
        }
        for (String word : kernel.read(file.toString()).split("\\s+")) {
            if (word.startsWith(field)) {
                sum += Long.parseLong(word.substring(field.length()));
            }
        }
        return sum;
    }

    @Override
    public List<Integer> processes(String containerId) {
        return CgroupProcesses.list(kernel, group(containerId).resolve("cgroup.procs"));
    }

    @Override
    public Set<String> containerIds() {
        return Cgroups.childrenOf(parent);
    }

    @Override
    public Optional<Path> namespaceMakerJoins(String containerId) {
        return Optional.of(group(containerId).resolve("cgroup.procs"));
    }
}
