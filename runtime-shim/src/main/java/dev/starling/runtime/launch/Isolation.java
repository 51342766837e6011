package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import java.util.Map;
import jnr.ffi.Pointer;

/**
 * What every container is apart from the host by, whatever its image and its options: control groups and all namespaces but that of the mounts. So the calling
 * thread can take them on before it is known for whom ({@link Sandbox}).
 *
 * <p>The mounts are not among them: a copy of the host's, made ahead of time, would miss what the host mounts later, and keep in use what it unmounts.
 */
final class Isolation {
    private static final int SIOCSIFFLAGS = 0x8914;
    private static final int IFF_UP_RUNNING = 0x41;
    private static final int AF_INET = 2;
    private static final int SOCK_DGRAM = 2;

    private Isolation() {}

    /** @param group of the thread's own, see {@link Cgroups#prepare} */
    static void enter(Kernel kernel, Cgroups cgroups, String group) {
        cgroups.enterWithThread(group);
        int namespaces = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | (cgroups.namespaceMakerJoins(group).isEmpty() ? CLONE_NEWCGROUP : 0);
        kernel.check(kernel.libc().unshare(CLONE_FS | namespaces), "unshare the container's namespaces");
        set(kernel, Sysctls.DEFAULTS);
        loopbackUp(kernel);
    }

    /** Kernel parameters of the thread's namespaces. */
    static void set(Kernel kernel, Map<String, String> sysctls) {
        for (Map.Entry<String, String> sysctl : sysctls.entrySet()) {
            kernel.write(Sysctls.path(sysctl.getKey()), sysctl.getValue());
        }
    }

    private static void loopbackUp(Kernel kernel) {
        try (Descriptor socket = new Descriptor(kernel, kernel.check(kernel.libc().socket(AF_INET, SOCK_DGRAM | O_CLOEXEC, 0), "socket"))) {
            Pointer interfaceRequest = kernel.memory(64); // struct ifreq
            interfaceRequest.put(0, new byte[] {'l', 'o'}, 0, 2);
            interfaceRequest.putShort(16, (short) IFF_UP_RUNNING);
            kernel.check(kernel.libc().ioctl(socket.number(), SIOCSIFFLAGS, interfaceRequest), "set interface lo up");
        }
    }
}
