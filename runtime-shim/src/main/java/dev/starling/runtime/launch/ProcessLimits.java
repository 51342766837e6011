package dev.starling.runtime.launch;

import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SystemCall;
import dev.starling.runtime.seccomp.FilterSource;
import java.util.List;
import java.util.Locale;
import jnr.ffi.Pointer;

/** What a held process is given of {@code --ulimit} and {@code --oom-score-adj}; its descendants inherit it. */
public final class ProcessLimits {
    /** In the order of the kernel's numbers (asm-generic/resource.h). */
    private static final List<String> RESOURCES = List.of(
            "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending", "msgqueue", "nice", "rtprio",
            "rttime");

    private ProcessLimits() {}

    /** @throws RuntimeShimException INVALID where a name or a value is none */
    public static void check(ContainerSpec.ProcessOptions options) {
        for (ContainerSpec.Ulimit limit : options.ulimits()) {
            if (!RESOURCES.contains(limit.name().toLowerCase(Locale.ROOT))) {
                throw RuntimeShimException.invalid("invalid ulimit type: " + limit.name());
            }
            boolean softAboveHard = limit.hard() != -1 && (limit.soft() > limit.hard() || limit.soft() == -1);
            if (limit.soft() < -1 || limit.hard() < -1 || softAboveHard) {
                throw RuntimeShimException.invalid(
                        "ulimit " + limit.name() + ": soft limit must be less than or equal to hard limit: " + limit.soft() + " > " + limit.hard());
            }
        }
        FilterSource.check(options.confinement().seccomp());
        AppArmor.checkName(options.confinement().appArmor());
        if (options.oomScoreAdjustment() < -1000 || options.oomScoreAdjustment() > 1000) {
            throw RuntimeShimException.invalid("invalid oom score adjustment " + options.oomScoreAdjustment() + ": must be between -1000 and 1000");
        }
    }

    static void apply(Kernel kernel, int pid, ContainerSpec.ProcessOptions options) {
        // always: the agent itself may be protected, which is not to be inherited
        kernel.write("/proc/" + pid + "/oom_score_adj", Integer.toString(options.oomScoreAdjustment()));
        Pointer limits = kernel.memory(16); // struct rlimit64, -1 for unlimited
        for (ContainerSpec.Ulimit limit : options.ulimits()) {
            limits.putLong(0, limit.soft());
            limits.putLong(8, limit.hard());
            int resource = RESOURCES.indexOf(limit.name().toLowerCase(Locale.ROOT));
            if (kernel.call(SystemCall.PRLIMIT64, pid, resource, limits, 0, 0) < 0) {
                throw refused(kernel, limit);
            }
        }
    }

    private static RuntimeShimException refused(Kernel kernel, ContainerSpec.Ulimit limit) {
        int errno = kernel.errno();
        String hint = errno == Errno.EPERM.number() ? ": the agent needs CAP_SYS_RESOURCE for a process of another user, or above its own limit" : "";
        return kernel.failure("prlimit64 of " + limit.name() + hint, errno);
    }
}
