package dev.starling.runtime.seccomp;

import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.seccomp.SyscallRules.Action;
import dev.starling.runtime.seccomp.SyscallRules.Condition;
import dev.starling.runtime.seccomp.SyscallRules.Condition.Operator;
import dev.starling.runtime.seccomp.SystemCallTable.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Docker's default rules: which system calls a container may make that says nothing else ({@link CustomProfile} is what it may say).
 *
 * <p>{@link #rules} turns them into number -> {@link Rule} for one architecture and one set of capabilities; {@link FilterSource} makes the
 * program for the kernel of it.
 */
final class SeccompProfile {
    /** What happens to a call. The last three look at the first argument. */
    public enum Rule { ALLOW, DENY, NO_SUCH_CALL, CLONE_WITHOUT_NAMESPACES, SOCKET_BUT_NOT_VSOCK_OR_ALG, HARMLESS_PERSONALITY }

    /** NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET */
    private static final int NAMESPACE_FLAGS = 0x7E020000;
    private static final int AF_ALG = 38;
    private static final int AF_VSOCK = 40;
    private static final int[] HARMLESS_PERSONALITIES = {0, 0x0008, 0x20000, 0x20008, 0xffffffff};

    private final SystemCallTable table;

    private SeccompProfile(SystemCallTable table) {
        this.table = table;
    }

    public static SeccompProfile dockerDefault() {
        return new SeccompProfile(SystemCallTable.read());
    }

    SystemCallTable table() {
        return table;
    }

    /** @param capabilities of the container, as a mask: some calls are allowed with one of them */
    public SortedMap<Integer, Rule> rules(Architecture architecture, long capabilities) {
        SortedMap<Integer, Rule> rules = new TreeMap<>();
        for (Entry entry : table.entries()) {
            int number = entry.number(architecture);
            if (number >= 0) {
                rules.put(number, rule(entry.rule(), capabilities));
            }
        }
        return rules;
    }

    /** The same as the compiler takes it. */
    SortedMap<Integer, Verdict> verdicts(Architecture architecture, long capabilities) {
        SortedMap<Integer, Verdict> verdicts = new TreeMap<>();
        rules(architecture, capabilities).forEach((number, rule) -> verdicts.put(number, verdict(rule)));
        return verdicts;
    }

    private static Verdict verdict(Rule rule) {
        return switch (rule) {
            case ALLOW -> Verdict.ALLOW;
            case DENY -> Verdict.DENY;
            case NO_SUCH_CALL -> Verdict.NO_SUCH_CALL;
            case CLONE_WITHOUT_NAMESPACES -> Verdict.DENY.withFirst(
                    new Verdict.Case(List.of(new Condition(0, Operator.MASKED_EQ, 0, NAMESPACE_FLAGS)), Action.ALLOW));
            case SOCKET_BUT_NOT_VSOCK_OR_ALG -> Verdict.ALLOW
                    .withFirst(new Verdict.Case(List.of(Condition.ofInt(0, AF_ALG)), Action.EPERM))
                    .withFirst(new Verdict.Case(List.of(Condition.ofInt(0, AF_VSOCK)), Action.EPERM));
            case HARMLESS_PERSONALITY -> {
                Verdict verdict = Verdict.DENY;
                for (int harmless : HARMLESS_PERSONALITIES) {
                    verdict = verdict.withFirst(new Verdict.Case(List.of(Condition.ofInt(0, harmless)), Action.ALLOW));
                }
                yield verdict;
            }
        };
    }

    /** The same for those who compile it themselves, by names. */
    public SyscallRules syscallRules(long capabilities) {
        List<String> allowed = new ArrayList<>();
        List<SyscallRules.Statement> special = new ArrayList<>();
        for (Entry entry : table.entries()) {
            switch (rule(entry.rule(), capabilities)) {
                case ALLOW -> allowed.add(entry.name());
                case DENY -> { }
                case NO_SUCH_CALL -> special.add(statement(entry, Action.ENOSYS));
                case CLONE_WITHOUT_NAMESPACES -> special.add(statement(entry, Action.ALLOW, new Condition(0, Operator.MASKED_EQ, 0, NAMESPACE_FLAGS)));
                case SOCKET_BUT_NOT_VSOCK_OR_ALG -> { // one comparison of an argument in each statement
                    special.add(statement(entry, Action.ALLOW, Condition.of(0, Operator.LT, AF_ALG)));
                    special.add(statement(entry, Action.ALLOW, Condition.of(0, Operator.EQ, AF_ALG + 1)));
                    special.add(statement(entry, Action.ALLOW, Condition.of(0, Operator.GT, AF_VSOCK)));
                }
                case HARMLESS_PERSONALITY -> {
                    for (int harmless : HARMLESS_PERSONALITIES) {
                        special.add(statement(entry, Action.ALLOW, Condition.of(0, Operator.EQ, harmless & 0xffffffffL)));
                    }
                }
            }
        }
        special.add(0, new SyscallRules.Statement(allowed, Action.ALLOW, List.of()));
        return new SyscallRules(Action.EPERM, List.of(), List.copyOf(special));
    }

    private static SyscallRules.Statement statement(Entry entry, Action action, Condition... conditions) {
        return new SyscallRules.Statement(List.of(entry.name()), action, List.of(conditions));
    }

    /** The number of a call, -1 where the architecture does not have it. For tests and messages. */
    public int number(String name, Architecture architecture) {
        return table.number(name, architecture);
    }

    private static Rule rule(String text, long capabilities) {
        boolean administrator = Capability.SYS_ADMIN.isIn(capabilities);
        return switch (text) {
            case "allow" -> Rule.ALLOW;
            case "never" -> Rule.DENY;
            case "clone" -> administrator ? Rule.ALLOW : Rule.CLONE_WITHOUT_NAMESPACES;
            case "clone3" -> administrator ? Rule.ALLOW : Rule.NO_SUCH_CALL;
            case "socket" -> Rule.SOCKET_BUT_NOT_VSOCK_OR_ALG;
            case "personality" -> Rule.HARMLESS_PERSONALITY;
            default -> anyOf(text, capabilities) ? Rule.ALLOW : Rule.DENY;
        };
    }

    private static boolean anyOf(String names, long capabilities) {
        for (String name : names.split(",")) {
            if (Capability.valueOf(name.toUpperCase(Locale.ROOT)).isIn(capabilities)) {
                return true;
            }
        }
        return false;
    }
}
