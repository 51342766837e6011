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
    private static final int READY_TIMEOUT_MILLIS = 10_000;

    private UserNamespaceMaker() {}

    /** @throws RuntimeShimException UNSUPPORTED where the host cannot make one */
    public static Descriptor make(Kernel kernel, UserNamespace mapping) {
        if (!Files.isExecutable(UNSHARE)) throw RuntimeShimException.unsupported("user-namespace: the host has no " + UNSHARE + " (package util-linux)");
        Pointer attributes = SpawnActions.attributes(kernel);
        try (Pipe input = Pipe.open(kernel); Pipe output = Pipe.open(kernel)) {
            int pid = HostProgram.start(
                    kernel, attributes, UNSHARE.toString(), List.of("unshare", "-U", "/bin/sh", "-c", "echo ready; read line"), input.reader(), output.writer());
            output.writer().close();
            try {
                boolean ready = kernel.waitReadable(output.reader(), READY_TIMEOUT_MILLIS) && kernel.libc().read(output.reader().number(), kernel.memory(8), 1) == 1;
                if (!ready) throw RuntimeShimException.unsupported("user-namespace: unshare -U fails: are they allowed (sysctl user.max_user_namespaces)?");
                String line = "0 " + mapping.first() + " " + mapping.size();
                kernel.write("/proc/" + pid + "/uid_map", line);
                kernel.write("/proc/" + pid + "/gid_map", line);
                return kernel.open("/proc/" + pid + "/ns/user", O_RDONLY);
            } finally {
                input.close();
                HostProgram.waitFor(kernel, pid);
            }
        }
    }
}
