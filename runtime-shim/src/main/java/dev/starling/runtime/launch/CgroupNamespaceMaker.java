package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_RDONLY;

import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jnr.ffi.Pointer;

/**
 * Control groups version 2 only: makes a cgroup namespace rooted at the container's group, by a shell of the host that joins the group, calls
 * unshare(1), says so, and waits to be let go.
 */
final class CgroupNamespaceMaker {
    private static final Path UNSHARE = Path.of("/usr/bin/unshare");
    private static final String SCRIPT = "echo 0 > \"$0\" && exec " + UNSHARE + " -C /bin/sh -c 'echo ready; read line'";
    private static final int READY_TIMEOUT_MILLIS = 10_000;

    private CgroupNamespaceMaker() {}

    /** @return null where the host has no unshare(1): the container then sees no /sys/fs/cgroup, rather than the agent's */
    static Descriptor make(Kernel kernel, Pointer attributes, Path processesFile) {
        if (!Files.isExecutable(UNSHARE)) return null;
        try (Pipe input = Pipe.open(kernel); Pipe output = Pipe.open(kernel)) {
            int pid = HostProgram.start(
                    kernel, attributes, "/bin/sh", List.of("sh", "-c", SCRIPT, processesFile.toString()), input.reader(), output.writer());
            output.writer().close();
            try {
                boolean ready = kernel.waitReadable(output.reader(), READY_TIMEOUT_MILLIS) && kernel.libc().read(output.reader().number(), kernel.memory(8), 1) == 1;
                return ready ? kernel.open("/proc/" + pid + "/ns/cgroup", O_RDONLY) : null;
            } finally {
                input.close();
                HostProgram.waitFor(kernel, pid);
            }
        }
    }
}
