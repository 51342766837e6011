package dev.starling.runtime.oci;

import static dev.starling.runtime.kernel.Flags.CLONE_FS;
import static dev.starling.runtime.kernel.Flags.CLONE_NEWNS;
import static dev.starling.runtime.kernel.Flags.MS_REC;
import static dev.starling.runtime.kernel.Flags.MS_SLAVE;

import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.DisposableThread;
import java.util.function.Supplier;

/**
 * Runs something on a disposable thread with a mount namespace of its own: what is mounted there is seen by the programs started from it, and nobody
 * else, and goes with the last of them. So a container's overlay never shows on the host, and nothing is to be unmounted after a crash.
 */
final class PrivateMounts {
    private PrivateMounts() {}

    static <T> T run(Kernel kernel, String name, Supplier<T> body) {
        return DisposableThread.call(name, () -> {
            kernel.check(kernel.libc().unshare(CLONE_FS | CLONE_NEWNS), "unshare mounts");
            kernel.mount("", "/", null, MS_REC | MS_SLAVE, null); // what the host mounts later still arrives, for binds that ask for it
            return body.get();
        });
    }
}
