package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_RDONLY;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import java.util.List;
import jnr.ffi.Pointer;

/** A program of the host, run in the calling thread's namespaces: for the few steps that only a process of its own can do. */
final class HostProgram {
    private static final List<String> ENVIRONMENT = List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C");

    private HostProgram() {}

    /** Waits for its end. @return its exit code, 128 + signal where it was killed */
    static int run(Kernel kernel, Pointer attributes, String path, List<String> command) {
        try (SpawnActions actions = new SpawnActions(kernel)) {
            actions.open(0, "/dev/null", O_RDONLY).closeFrom(3);
            int pid = spawn(kernel, attributes, actions, path, command);
            return ExitStatus.await(kernel, pid);
        }
    }

    /** The same in a directory. */
    static int runIn(Kernel kernel, Pointer attributes, Descriptor directory, String path, List<String> command) {
        try (SpawnActions actions = new SpawnActions(kernel)) {
            actions.open(0, "/dev/null", O_RDONLY).changeDirectory(directory.number()).closeFrom(3);
            return ExitStatus.await(kernel, spawn(kernel, attributes, actions, path, command));
        }
    }

    /** With a pipe as its standard input and output. */
    static int start(Kernel kernel, Pointer attributes, String path, List<String> command, Descriptor input, Descriptor output) {
        try (SpawnActions actions = new SpawnActions(kernel)) {
            actions.duplicate(input.number(), 0).duplicate(output.number(), 1).closeFrom(3);
            return spawn(kernel, attributes, actions, path, command);
        }
    }

    private static int spawn(Kernel kernel, Pointer attributes, SpawnActions actions, String path, List<String> command) {
        SpawnActions.Spawned spawned = actions.spawn(path, kernel.strings(command), kernel.strings(ENVIRONMENT), attributes);
        if (spawned.errno() != 0) {
            throw new RuntimeShimException(
                    RuntimeShimException.Kind.SYSTEM, "run " + path + " of the host: " + Errno.describe(spawned.errno()), spawned.errno(), null);
        }
        return spawned.pid();
    }
}
