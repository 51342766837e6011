package dev.starling.runtime.kernel;

/**
 * System calls made by number: those without a wrapper in every libc, and those whose wrapper would change every thread of the process
 * (the {@code set*id} family) where we mean one thread.
 */
public enum SystemCall {
    GETTID(186, 178, 224),
    PIVOT_ROOT(155, 41, 218),
    MKNODAT(259, 33, 324),
    FCHOWNAT(260, 54, 325),
    CAPGET(125, 90, 184),
    CAPSET(126, 91, 185),
    SETFSUID(122, 151, 215),
    SETFSGID(123, 152, 216),
    SETRESUID(117, 147, 208),
    SETRESGID(119, 149, 210),
    SETGROUPS(116, 159, 206),
    SECCOMP(317, 277, 383),
    KEYCTL(250, 219, 311),
    BPF(321, 280, 386),
    STATX(332, 291, 397),
    PRLIMIT64(302, 261, 369),
    PIDFD_SEND_SIGNAL(424),
    OPEN_TREE(428),
    MOVE_MOUNT(429),
    FSOPEN(430),
    FSCONFIG(431),
    FSMOUNT(432),
    PIDFD_OPEN(434),
    OPENAT2(437),
    PIDFD_GETFD(438),
    MOUNT_SETATTR(442);

    private final int x86;
    private final int arm64;
    private final int arm;

    SystemCall(int common) {
        this(common, common, common);
    }

    SystemCall(int x86, int arm64, int arm) {
        this.x86 = x86;
        this.arm64 = arm64;
        this.arm = arm;
    }

    int number(Architecture architecture) {
        if (architecture == Architecture.X86_64) {
            return x86;
        }
        return architecture == Architecture.ARM64 ? arm64 : arm;
    }

    /** As in the manual: {@code pivot_root}. */
    String callName() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }
}
