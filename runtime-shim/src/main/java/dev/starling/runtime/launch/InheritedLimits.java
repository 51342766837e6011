package dev.starling.runtime.launch;

import dev.starling.runtime.ProcessLimits;
import dev.starling.runtime.ProcessLimits.Ulimit;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SystemCall;
import jnr.ffi.Pointer;

/** Gives a held process its {@link ProcessLimits}; its descendants inherit them. */
final class InheritedLimits {
    private InheritedLimits() {}

    static void apply(Kernel kernel, int pid, ProcessLimits limits) {
        // always: the agent itself may be protected, which is not to be inherited
        kernel.write("/proc/" + pid + "/oom_score_adj", Integer.toString(limits.oomScoreAdjustment()));
        Pointer values = kernel.memory(16); // struct rlimit64, -1 for unlimited
        for (Ulimit limit : limits.ulimits()) {
            values.putLong(0, limit.soft());
            values.putLong(8, limit.hard());
            if (kernel.call(SystemCall.PRLIMIT64, pid, limit.resource(), values, 0, 0) < 0) {
                throw refused(kernel, limit);
            }
        }
    }

    private static RuntimeShimException refused(Kernel kernel, Ulimit limit) {
        int errno = kernel.errno();
        String hint = errno == Errno.EPERM.number() ? ": the agent needs CAP_SYS_RESOURCE for a process of another user, or above its own limit" : "";
        return kernel.failure("prlimit64 of " + limit.name() + hint, errno);
    }
}
