package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.S_IFMT;
import static dev.starling.runtime.kernel.Flags.S_IFREG;

import dev.starling.runtime.kernel.Kernel;
import java.util.List;

/** Reads the accounts of a container; on a thread that has entered it, or from outside. */
public final class Accounts {
    private static final int MAX_FILE_BYTES = 1 << 20;

    private Accounts() {}

    /** Those of {@code root}, from outside. */
    public static Identity identity(RootView root, String user, List<String> groups) {
        return Identity.resolve(user, groups, root.read("/etc/passwd", MAX_FILE_BYTES), root.read("/etc/group", MAX_FILE_BYTES));
    }

    static Identity identity(Kernel kernel, String user, List<String> groups) {
        return Identity.resolve(user, groups, read(kernel, "/etc/passwd"), read(kernel, "/etc/group"));
    }

    /** Empty where it is missing or no plain file: an image must not make us wait on a FIFO or read a device. */
    private static String read(Kernel kernel, String path) {
        return (kernel.mode(path, true) & S_IFMT) == S_IFREG ? kernel.read(path, MAX_FILE_BYTES) : "";
    }
}
