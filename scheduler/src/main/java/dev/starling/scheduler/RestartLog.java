package dev.starling.scheduler;

import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.Time;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * When slots were restarted on this node, for policies that count only the restarts within a window. Not kept over a restart of the
 * agent: a window then begins anew. Policies without a window count in the task itself.
 */
final class RestartLog {
    private final SortedMap<Slot, List<Long>> monotonicMillis = new TreeMap<>();

    /** How many restarts count against {@code policy} now that {@code ended} has ended. */
    int attempts(Task ended, RestartPolicy policy, Time now) {
        if (policy.windowMillis() == 0) {
            return ended.attempt();
        }
        long from = now.monotonicMillis() - policy.windowMillis();
        return (int) monotonicMillis.getOrDefault(ended.slot(), List.of()).stream().filter(at -> at > from).count();
    }

    void restarted(Slot slot, RestartPolicy policy, Time now) {
        if (policy.windowMillis() > 0 && policy.maxAttempts() > 0) {
            List<Long> times = monotonicMillis.computeIfAbsent(slot, first -> new ArrayList<>());
            times.removeIf(at -> at <= now.monotonicMillis() - policy.windowMillis());
            times.add(now.monotonicMillis());
        }
    }

    void forgetAllBut(Collection<Slot> slots) {
        monotonicMillis.keySet().retainAll(new TreeSet<>(slots));
    }
}
