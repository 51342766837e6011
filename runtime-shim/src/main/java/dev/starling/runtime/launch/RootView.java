package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_CLOEXEC;
import static dev.starling.runtime.kernel.Flags.O_PATH;
import static dev.starling.runtime.kernel.Flags.S_IFMT;
import static dev.starling.runtime.kernel.Flags.S_IFREG;

import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SystemCall;
import jnr.ffi.Pointer;

/** Looks things up in a directory as if it were the root (openat2 with RESOLVE_IN_ROOT): no link of an image leads out of it. */
public final class RootView {
    private static final long RESOLVE_IN_ROOT = 0x10;

    private final Kernel kernel;
    private final Descriptor root;

    public RootView(Kernel kernel, Descriptor root) {
        this.kernel = kernel;
        this.root = root;
    }

    /** Null where there is nothing of that kind. */
    public Descriptor open(String path, int flags) {
        Pointer how = kernel.memory(24); // struct open_how { flags, mode, resolve }
        how.putLong(0, flags | O_CLOEXEC);
        how.putLong(16, RESOLVE_IN_ROOT);
        Pointer name = kernel.string(path);
        int fd = (int) kernel.call(SystemCall.OPENAT2, root.number(), name, how, 24, 0);
        if (fd >= 0) {
            return new Descriptor(kernel, fd);
        }
        int errno = kernel.errno();
        if (errno == Errno.ENOENT.number() || errno == Errno.ENOTDIR.number() || errno == Errno.ELOOP.number()) {
            return null;
        }
        throw kernel.failure("open " + path + " of the image", errno);
    }

    /** Empty where it is missing or no plain file: an image must not make us wait on a FIFO or read a device. */
    public String read(String path, int limit) {
        try (Descriptor found = open(path, O_PATH)) {
            if (found == null) {
                return "";
            }
            String opened = "/proc/self/fd/" + found.number();
            return (kernel.mode(opened, true) & S_IFMT) == S_IFREG ? kernel.read(opened, limit) : "";
        }
    }
}
