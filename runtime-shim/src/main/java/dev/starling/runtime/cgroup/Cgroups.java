package dev.starling.runtime.cgroup;

import dev.starling.runtime.ResourceLimits;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The control groups of this node's containers, all under one parent ({@code starling/NODE}): one per container, named by its id.
 *
 * <p>Version 1 has a hierarchy per controller, and a thread can join one alone, so a container's first process is born inside. Version 2 has one
 * hierarchy, and only the process as a whole can be moved there, before it runs. A hybrid machine (version 1 controllers and an empty
 * version 2 tree) is version 1 to us.
 */
public sealed interface Cgroups permits CgroupsV1, CgroupsV2 {
    /** Of the container's group, from the top of each hierarchy: {@code /starling/NODE/ID}. */
    String path(String containerId);

    /** Makes the container's groups. */
    void create(String containerId);

    /** Makes groups for a container whose id is not known yet, as far as a thread can join them then; {@link #claim} gives them to it. */
    void prepare(String name);

    /** What was made under {@code name} is the container's now, with whoever is in it. Where it fails, either of the two may have some of it: remove both. */
    void claim(String name, String containerId);

    /** Lets the calling thread join, so that its next child is born inside. Does nothing where only processes can join (version 2). */
    void enterWithThread(String containerId);

    /** Moves a held first process in, where {@link #enterWithThread} could not. */
    void enter(String containerId, int pid);

    /** @param devices that it may use besides those that all have */
    void limit(String containerId, ResourceLimits limits, List<DeviceRule> devices);

    /** What is to be mounted below the container's {@code /sys/fs/cgroup}. */
    List<ControllerMount> mounts();

    /** Whether the kernel killed a process of it for want of memory. */
    boolean oomKilled(String containerId);

    /** Kills what is left in it. */
    void kill(String containerId);

    /** Removes its groups. @return false where processes that are just ending still hold one */
    boolean remove(String containerId);

    /** Of {@link #remove(String, int)} where nothing but a fault can keep them: some seconds. */
    int MANY_ATTEMPTS = 2000;

    /** As {@link #remove(String)}, a few times: a process that is just ending still counts in its group for a moment. What stays is killed half-way. */
    default boolean remove(String containerId, int attempts) {
        for (int attempt = 0; attempt < attempts; attempt++) {
            if (remove(containerId)) {
                return true;
            }
            if (attempt == attempts - 1) {
                return false;
            }
            if (attempt == attempts / 2) {
                kill(containerId);
            }
            try {
                Thread.sleep(1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return false;
    }

    /** Lets its processes stand still, or go on. Returns once they do. */
    void freeze(String containerId, boolean still);

    boolean isFrozen(String containerId);

    /** What it uses now. @throws RuntimeShimException where it has just ended */
    ControlGroupStats stats(String containerId);

    /** Pids of all its processes, as this agent sees them. */
    List<Integer> processes(String containerId);

    /** Ids of all groups under the parent, also those of no container we know. */
    Set<String> containerIds();

    /**
     * A cgroup namespace is rooted at its maker's group. Empty: the thread has joined the container's, so its own unshare makes the right
     * one (version 1). Else a short-lived process must join by this file, and make it (version 2).
     */
    Optional<Path> namespaceMakerJoins(String containerId);

    /** @param name directory below /sys/fs/cgroup, empty for itself; {@code type} and {@code data} as for mount(2) */
    record ControllerMount(String name, String type, String data) {}

    static Cgroups detect(Kernel kernel, String parent) {
        if (parent.isBlank() || parent.startsWith("/") || Arrays.asList(parent.split("/")).contains("..")) {
            throw RuntimeShimException.invalid("cgroup parent \"" + parent + "\" must be a relative path, such as starling/node-1");
        }
        // a hierarchy may be mounted more than once, one mount over another: the last is the one that is seen
        Map<Set<String>, CgroupsV1.Hierarchy> hierarchies = new LinkedHashMap<>();
        Path unified = null;
        for (String line : kernel.read("/proc/self/mountinfo").split("\n")) {
            List<String> fields = List.of(line.split(" "));
            int dash = fields.indexOf("-");
            if (dash < 0 || fields.size() < dash + 4) {
                continue;
            }
            Path mountPoint = Path.of(fields.get(4));
            switch (fields.get(dash + 1)) {
                case "cgroup" -> {
                    Set<String> controllers = new TreeSet<>(Arrays.asList(fields.get(dash + 3).split(",")));
                    controllers.retainAll(CgroupsV1.CONTROLLERS);
                    if (!controllers.isEmpty()) {
                        hierarchies.put(controllers, new CgroupsV1.Hierarchy(mountPoint, controllers));
                    }
                }
                case "cgroup2" -> unified = mountPoint;
                default -> { }
            }
        }
        if (!hierarchies.isEmpty()) {
            return new CgroupsV1(kernel, List.copyOf(hierarchies.values()), parent);
        }
        if (unified != null) {
            return new CgroupsV2(kernel, unified, parent);
        }
        throw RuntimeShimException.unsupported("no cgroup file system is mounted (expected below /sys/fs/cgroup)");
    }

    /** Names of the directories in {@code parent}; none where it is not there. */
    static Set<String> childrenOf(Path parent) {
        Set<String> names = new TreeSet<>();
        if (!Files.isDirectory(parent)) {
            return names;
        }
        try (var children = Files.newDirectoryStream(parent, Files::isDirectory)) {
            children.forEach(child -> names.add(child.getFileName().toString()));
        } catch (IOException e) {
            throw RuntimeShimException.system("list " + parent + ": " + e.getMessage(), e);
        }
        return names;
    }
}
