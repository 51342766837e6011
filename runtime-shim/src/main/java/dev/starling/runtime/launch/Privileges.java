package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SystemCall;
import dev.starling.runtime.kernel.ThreadCapabilities;
import jnr.ffi.Pointer;

/**
 * The way down from the agent's rights to a container's, for the calling thread alone: raw calls, since the C library's would change every
 * thread of the agent. There is no way back, so the thread has to end afterwards.
 */
final class Privileges {
    private static final int PR_SET_KEEPCAPS = 8;
    private static final int PR_SET_NO_NEW_PRIVS = 38;

    private Privileges() {}

    /**
     * All but the filter. What is left besides {@code capabilities} is CAP_SYS_ADMIN, with which a filter can be installed; exec takes that away, since it is
     * not in the bounding set. So the filter can come last, and has to allow the less.
     */
    static void giveUp(Kernel kernel, String containerId, Identity identity, long capabilities, boolean noNewPrivileges) {
        Pointer keyring = kernel.string("_ses." + containerId);
        if (kernel.call(SystemCall.KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, keyring, 0) < 0 && kernel.errno() != Errno.ENOSYS.number()) {
            throw kernel.failure("keyctl new session keyring", kernel.errno());
        }
        dropBoundingSet(kernel, capabilities);
        if (noNewPrivileges) {
            kernel.check(kernel.libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl PR_SET_NO_NEW_PRIVS");
        }
        kernel.check(kernel.libc().prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl PR_SET_KEEPCAPS"); // until exec
        Pointer groups = kernel.memory(4 * identity.groups().size() + 4);
        for (int i = 0; i < identity.groups().size(); i++) {
            groups.putInt(4L * i, identity.groups().get(i));
        }
        kernel.checkedCall("", SystemCall.SETGROUPS, identity.groups().size(), groups, 0, 0, 0);
        kernel.checkedCall("" + identity.gid(), SystemCall.SETRESGID, identity.gid(), identity.gid(), identity.gid(), 0, 0);
        kernel.checkedCall("" + identity.uid(), SystemCall.SETRESUID, identity.uid(), identity.uid(), identity.uid(), 0, 0);
        ThreadCapabilities.set(kernel, (identity.uid() == 0 ? capabilities : 0) | Capability.SYS_ADMIN.mask());
    }

    private static void dropBoundingSet(Kernel kernel, long keep) {
        for (int capability = 0; capability < 64; capability++) {
            if ((keep >>> capability & 1) != 0) {
                continue;
            }
            if (kernel.libc().prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) >= 0) {
                continue;
            }
            if (kernel.errno() == Errno.EINVAL.number()) { // beyond the last one this kernel has
                return;
            }
            throw kernel.failure("drop capability " + capability, kernel.errno());
        }
    }

    /** @param filter a seccomp program, {@code struct sock_fprog { u16 length; struct sock_filter *filter }}; null for none */
    static void installFilter(Kernel kernel, byte[] filter) {
        if (filter == null) {
            return;
        }
        Pointer code = kernel.memory(filter.length);
        code.put(0, filter, 0, filter.length);
        Pointer program = kernel.memory(2 * kernel.pointerSize());
        program.putShort(0, (short) (filter.length / 8));
        program.putPointer(kernel.pointerSize(), code);
        kernel.checkedCall("install filter", SystemCall.SECCOMP, SECCOMP_SET_MODE_FILTER, 0, program, 0, 0);
        java.lang.ref.Reference.reachabilityFence(code);
    }
}
