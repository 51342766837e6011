package dev.starling.runtime.cgroup;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import java.nio.file.Path;

/** The processes listed in a {@code cgroup.procs} file. */
final class CgroupProcesses {
    private static final int SIGKILL = 9;

    private CgroupProcesses() {}

    static void killAll(Kernel kernel, Path file) {
        for (String line : kernel.read(file.toString()).split("\n")) {
            if (line.isBlank() || line.equals("0")) continue; // 0: a process outside of our pid namespace, not ours to kill
            try (Descriptor process = kernel.openProcess(Integer.parseInt(line))) {
                kernel.signal(process, SIGKILL);
            } catch (RuntimeShimException e) {
                if (e.errno() != Errno.ESRCH.number()) throw e;
            }
        }
    }
}
