package dev.starling.runtime.oci;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;
import dev.starling.runtime.launch.ExitStatus;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * The children that the agent, being a subreaper, gets from an OCI runtime's processes. Those it asked for are known here and waited for by whoever watches
 * them. What a call that failed has left (a process that was to be added and could not be run) nobody would reap, and a zombie keeps its container's process
 * namespace, so that the container itself would never be over: {@link #sweep} reaps those. A runtime may end a moment before such a process does, so it waits
 * for them.
 */
final class Orphans {
    private static final int STRAGGLER_TIMEOUT_MILLIS = 5_000;

    private final Kernel kernel;
    private final String runtimeName;
    private final Set<Integer> known = new HashSet<>();
    /** Shared by calls under way: what they bring forth is not known yet. */
    private final ReadWriteLock calls = new ReentrantReadWriteLock();

    Orphans(Kernel kernel, String runtimeName) {
        this.kernel = kernel;
        this.runtimeName = runtimeName;
        known.addAll(children()); // whoever made them looks after them
    }

    /** @param call gives the pid of the process it has brought forth; sweeps where it fails */
    int adopt(Supplier<Integer> call) {
        try {
            calls.readLock().lock();
            try {
                int pid = call.get();
                synchronized (known) {
                    known.add(pid);
                }
                return pid;
            } finally {
                calls.readLock().unlock();
            }
        } catch (RuntimeException e) {
            sweep();
            throw e;
        }
    }

    void sweep() {
        calls.writeLock().lock();
        try {
            Set<Integer> children = children();
            synchronized (known) {
                // by name, not by what was just listed: the kernel may leave out children of a thread that ends meanwhile
                known.removeIf(pid -> !Files.exists(Path.of("/proc", Integer.toString(pid))));
                children.removeAll(known);
            }
            for (int pid : children) {
                if (isNobodys(pid)) {
                    reap(pid);
                }
            }
        } finally {
            calls.writeLock().unlock();
        }
    }

    /** Ends one that nobody will ask for. */
    void abandon(int pid) {
        try (Descriptor process = kernel.openProcess(pid)) {
            kernel.signal(process, Signals.SIGKILL);
        }
        reap(pid);
    }

    private void reap(int pid) {
        try (Descriptor process = kernel.openProcess(pid)) {
            kernel.waitReadable(process, STRAGGLER_TIMEOUT_MILLIS);
        }
        ExitStatus.reapIfEnded(kernel, pid);
    }

    private Set<Integer> children() {
        Set<Integer> children = new HashSet<>();
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (Path thread : threads) {
                addChildren(thread, children);
            }
        } catch (IOException e) {
            throw RuntimeShimException.system("list the agent's threads: " + e, e);
        }
        return children;
    }

    private void addChildren(Path thread, Collection<Integer> children) {
        try {
            for (String pid : kernel.read(thread.resolve("children").toString()).trim().split(" ")) {
                if (!pid.isEmpty()) {
                    children.add(Integer.valueOf(pid));
                }
            }
        } catch (RuntimeShimException e) {
            // that thread has ended: its children are another's by now
        }
    }

    /** From a container (it has pids in more than one namespace) or of the runtime; not a program that the JVM itself waits for. */
    private boolean isNobodys(int pid) {
        String name = "";
        boolean inside = false;
        try {
            for (String line : kernel.read("/proc/" + pid + "/status").split("\n")) {
                String[] words = line.split("\\s+");
                switch (words[0]) {
                    case "Name:" -> name = words.length > 1 ? words[1] : "";
                    case "NSpid:" -> inside = words.length > 2;
                    default -> { }
                }
            }
        } catch (RuntimeShimException e) {
            return false; // gone
        }
        return inside || name.startsWith(runtimeName);
    }
}
