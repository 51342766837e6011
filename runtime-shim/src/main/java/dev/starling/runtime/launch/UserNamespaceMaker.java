package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_RDONLY;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.UserNamespace;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jnr.ffi.Pointer;

/**
 * Makes a user namespace as a description of a mapping, by a shell of the host under unshare(1): a JVM has threads, and could not. Nothing runs in it;
 * mounts are mapped by it.
 */
public final class UserNamespaceMaker {
    private static final Path UNSHARE = Path.of("/usr/bin/unshare");

    private UserNamespaceMaker() {}

    /** @throws RuntimeShimException UNSUPPORTED where the host cannot make one */
    public static Descriptor make(Kernel kernel, UserNamespace mapping) {
        if (!Files.isExecutable(UNSHARE)) {
            throw RuntimeShimException.unsupported("user-namespace: the host has no " + UNSHARE + " (package util-linux)");
        }
        Pointer attributes = SpawnActions.attributes(kernel);
        List<String> command = List.of("unshare", "-U", "/bin/sh", "-c", WaitingProgram.SAY_AND_WAIT);
        try (WaitingProgram program = WaitingProgram.start(kernel, attributes, UNSHARE.toString(), command)) {
            if (!program.isReady()) {
                throw RuntimeShimException.unsupported("user-namespace: unshare -U fails: are they allowed (sysctl user.max_user_namespaces)?");
            }
            String line = "0 " + mapping.first() + " " + mapping.size();
            kernel.write("/proc/" + program.pid() + "/uid_map", line);
            kernel.write("/proc/" + program.pid() + "/gid_map", line);
            return kernel.open("/proc/" + program.pid() + "/ns/user", O_RDONLY);
        }
    }
}
