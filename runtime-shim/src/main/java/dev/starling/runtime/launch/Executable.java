package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.S_IFDIR;
import static dev.starling.runtime.kernel.Flags.S_IFMT;
import static dev.starling.runtime.kernel.Flags.S_IFREG;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import jnr.ffi.Pointer;

/** Finds and spawns a program inside of a container, with Docker's words for why it cannot be; on a thread that has become the container. */
final class Executable {
    private Executable() {}

    /** @param filter the last that the thread takes on, null for none. @return the pid of the process, whose exec has been let through */
    static int spawn(Kernel kernel, SpawnActions actions, ProcessPlan process, Identity identity, byte[] filter, Pointer attributes) {
        Kernel.StringArray argv = kernel.strings(process.argv());
        Kernel.StringArray environment = kernel.strings(process.environmentWithHome(identity.home()));
        if (kernel.libc().chdir(process.workingDirectory()) < 0) {
            throw refused("chdir to cwd (\"" + process.workingDirectory() + "\")", kernel.errno());
        }
        String program = find(kernel, process);
        Privileges.installFilter(kernel, filter);
        SpawnActions.Spawned spawned = actions.spawn(program, argv, environment, attributes);
        if (spawned.errno() != 0) {
            throw refused("exec: \"" + process.argv().get(0) + "\"", spawned.errno());
        }
        return spawned.pid();
    }

    /** As a shell would find it; a path with a slash is taken as it is, relative to the working directory. */
    private static String find(Kernel kernel, ProcessPlan process) {
        String name = process.argv().get(0);
        if (name.indexOf('/') >= 0) {
            int mode = kernel.mode(name, true);
            if (mode == 0) {
                throw refused("exec: \"" + name + "\": stat " + name, Errno.ENOENT.number());
            }
            if ((mode & S_IFMT) == S_IFDIR) {
                throw refused("exec: \"" + name + "\"", Errno.EISDIR.number());
            }
            if ((mode & 0111) == 0) {
                throw refused("exec: \"" + name + "\"", Errno.EACCES.number());
            }
            return name;
        }
        for (String directory : process.path().split(":")) {
            String path = (directory.isEmpty() ? "." : directory) + "/" + name;
            int mode = accessibleMode(kernel, path);
            if ((mode & S_IFMT) == S_IFREG && (mode & 0111) != 0) {
                return path;
            }
        }
        throw new RuntimeShimException(
                Kind.INVALID, "unable to start container process: exec: \"" + name + "\": executable file not found in $PATH", Errno.ENOENT.number(), null);
    }

    /** A directory of PATH which the user may not enter has no programs for it. */
    private static int accessibleMode(Kernel kernel, String path) {
        try {
            return kernel.mode(path, true);
        } catch (RuntimeShimException e) {
            if (e.errno() == Errno.EACCES.number()) {
                return 0;
            }
            throw e;
        }
    }

    private static RuntimeShimException refused(String what, int errno) {
        return new RuntimeShimException(Kind.INVALID, "unable to start container process: " + what + ": " + Errno.text(errno), errno, null);
    }
}
