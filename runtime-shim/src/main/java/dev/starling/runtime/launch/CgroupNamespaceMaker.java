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
    private static final String SCRIPT = "echo 0 > \"$0\" && exec " + UNSHARE + " -C /bin/sh -c '" + WaitingProgram.SAY_AND_WAIT + "'";

    private CgroupNamespaceMaker() {}

    /** @return null where the host has no unshare(1): the container then sees no /sys/fs/cgroup, rather than the agent's */
    static Descriptor make(Kernel kernel, Pointer attributes, Path processesFile) {
        if (!Files.isExecutable(UNSHARE)) {
            return null;
        }
        List<String> command = List.of("sh", "-c", SCRIPT, processesFile.toString());
        try (WaitingProgram program = WaitingProgram.start(kernel, attributes, "/bin/sh", command)) {
            return program.isReady() ? kernel.open("/proc/" + program.pid() + "/ns/cgroup", O_RDONLY) : null;
        }
    }
}
