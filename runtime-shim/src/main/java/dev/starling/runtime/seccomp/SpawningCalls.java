package dev.starling.runtime.seccomp;

import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.seccomp.SyscallRules.Action;
import dev.starling.runtime.seccomp.SyscallRules.Condition;
import java.util.List;
import java.util.SortedMap;

/**
 * What a thread of this JVM has to be able to call from the moment its filter is on until it has spawned the container's process and ended. A filter cannot be
 * taken off again, and the process gets it by inheriting: so a profile that denies one of these would break the agent, or end it (KILL_PROCESS).
 *
 * <p>So they are allowed whatever a profile of one's own says. All the rest (user, groups, capabilities, search of the program) is done before the filter is
 * on. A program that shall not have even these has to come through an OCI runtime, which takes a profile as it is.
 */
final class SpawningCalls {
    /** {@code CLONE_VM | CLONE_VFORK | SIGCHLD}: posix_spawn's, and nothing else. */
    private static final long SPAWN_FLAGS = 0x4111;

    private static final List<String> NAMES = List.of(
            // the spawned process, until its exec
            "execve", "open", "openat", "close", "close_range", "dup2", "dup3", "fcntl", "fcntl64", "chdir", "fchdir", "setsid", "exit", "exit_group",
            // both
            "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "restart_syscall",
            // the thread: memory, locks, safepoints, its end; the collector may run on any thread
            "mmap", "mmap2", "munmap", "mprotect", "madvise", "mremap", "brk", "futex", "futex_time64", "sched_yield", "gettid", "getpid", "tgkill", "wait4",
            "sigaltstack", "clock_gettime", "clock_gettime64", "gettimeofday", "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "membarrier", "getrandom",
            "rseq", "set_robust_list", "read", "write", "getcpu", "sched_getaffinity", "cacheflush", "set_tls");

    private SpawningCalls() {}

    /** Changes {@code verdicts} of {@code architecture}, the JVM's own. */
    static void allowIn(SortedMap<Integer, Verdict> verdicts, Verdict otherwise, SystemCallTable table, Architecture architecture) {
        for (String name : NAMES) {
            int number = table.number(name, architecture);
            if (number >= 0 && !verdicts.getOrDefault(number, otherwise).letsPass()) {
                verdicts.put(number, Verdict.ALLOW);
            }
        }
        int clone = table.number("clone", architecture);
        Verdict verdict = verdicts.getOrDefault(clone, otherwise);
        if (!verdict.letsPass()) {
            verdicts.put(clone, verdict.withFirst(new Verdict.Case(List.of(Condition.of(0, Condition.Operator.EQ, SPAWN_FLAGS)), Action.ALLOW)));
        }
        // posix_spawn tries it first, and takes only this for "then by clone"
        int clone3 = table.number("clone3", architecture);
        if (!verdicts.getOrDefault(clone3, otherwise).letsPass()) {
            verdicts.put(clone3, Verdict.NO_SUCH_CALL);
        }
    }
}
