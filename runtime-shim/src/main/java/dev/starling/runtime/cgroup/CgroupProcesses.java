package dev.starling.runtime.cgroup;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The processes listed in a {@code cgroup.procs} file. In version 1 the file also lists a process of which one thread alone is in the group:
 * this agent itself, while a thread of it becomes a container. So it must never be taken for one to kill.
 */
final class CgroupProcesses {
    private CgroupProcesses() {}

    static List<Integer> list(Kernel kernel, Path file) {
        String self = Long.toString(ProcessHandle.current().pid());
        List<Integer> pids = new ArrayList<>();
        for (String line : content(kernel, file).split("\n")) {
            boolean outsideOurPidNamespace = line.equals("0");
            if (!line.isBlank() && !line.equals(self) && !outsideOurPidNamespace) {
                pids.add(Integer.parseInt(line));
            }
        }
        return pids;
    }

    /** Whether a thread of this agent is in the group. */
    static boolean hasOurs(Kernel kernel, Path file) {
        return Arrays.asList(content(kernel, file).split("\n")).contains(Long.toString(ProcessHandle.current().pid()));
    }

    /** Empty where the group is gone: its container may end at any moment. */
    private static String content(Kernel kernel, Path file) {
        try {
            return kernel.read(file.toString());
        } catch (RuntimeShimException e) {
            if (isGone(e)) {
                return "";
            }
            throw e;
        }
    }

    static boolean isGone(RuntimeShimException e) {
        return e.errno() == Errno.ENOENT.number() || e.errno() == Errno.ENODEV.number();
    }

    static void killAll(Kernel kernel, Path file) {
        for (int pid : list(kernel, file)) {
            try (Descriptor process = kernel.openProcess(pid)) {
                kernel.signal(process, Signals.SIGKILL);
            } catch (RuntimeShimException e) {
                if (e.errno() != Errno.ESRCH.number()) {
                    throw e;
                }
            }
        }
    }
}
