package dev.starling.runtime.seccomp;

import dev.starling.runtime.seccomp.SyscallRules.Action;
import dev.starling.runtime.seccomp.SyscallRules.Condition;
import java.util.ArrayList;
import java.util.List;

/** What happens to one system call: the first case whose conditions all hold decides, else {@code otherwise}. */
record Verdict(List<Case> cases, Action otherwise) {
    static final Verdict ALLOW = always(Action.ALLOW);
    static final Verdict DENY = always(Action.EPERM);
    static final Verdict NO_SUCH_CALL = always(Action.ENOSYS);

    /** @param conditions all of them have to hold */
    record Case(List<Condition> conditions, Action action) {}

    static Verdict always(Action action) {
        return new Verdict(List.of(), action);
    }

    /** Whether it never stands in the way. */
    boolean letsPass() {
        return cases.isEmpty() && (otherwise.kind() == Action.Kind.ALLOW || otherwise.kind() == Action.Kind.LOG);
    }

    Verdict withFirst(Case first) {
        List<Case> all = new ArrayList<>();
        all.add(first);
        all.addAll(cases);
        return new Verdict(List.copyOf(all), otherwise);
    }
}
