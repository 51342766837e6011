package dev.starling.runtime.seccomp;

import java.util.List;

/**
 * A seccomp profile once it is known for whom: no more questions of capabilities or machines, only system calls by name and what happens to them. The words
 * are those of the OCI runtime specification, which are libseccomp's. A statement without conditions counts before those with conditions, then the first that fits.
 *
 * @param architectures ABIs besides the machine's own, {@code SCMP_ARCH_ARM}; programs of others are refused. Empty: as the default profile has it
 */
public record SyscallRules(Action otherwise, List<String> architectures, List<Statement> statements) {
    /** @param data the errno of ERRNO, the message of TRACE, else 0 */
    public record Action(Kind kind, int data) {
        public enum Kind { ALLOW, LOG, ERRNO, TRACE, KILL_PROCESS, KILL_THREAD, TRAP }

        public static final Action ALLOW = new Action(Kind.ALLOW, 0);
        public static final Action EPERM = new Action(Kind.ERRNO, 1);
        public static final Action ENOSYS = new Action(Kind.ERRNO, 38);
    }

    /** @param conditions all of them have to hold */
    public record Statement(List<String> names, Action action, List<Condition> conditions) {}

    /** @param index of the argument, 0 to 5; {@code value} unsigned; {@code mask} counts for MASKED_EQ alone: {@code (argument & mask) == value} */
    public record Condition(int index, Operator operator, long value, long mask) {
        public enum Operator { NE, LT, LE, EQ, GE, GT, MASKED_EQ }

        static Condition of(int index, Operator operator, long value) {
            return new Condition(index, operator, value, 0);
        }

        /** Of an argument that the kernel takes as an int: what a program puts into the upper half does not count. */
        static Condition ofInt(int index, int value) {
            return new Condition(index, Operator.MASKED_EQ, value & 0xffffffffL, 0xffffffffL);
        }
    }
}
