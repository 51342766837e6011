package dev.starling.scheduler;

import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.Time;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * When slots were restarted on this node, for policies that count only the restarts within a window. A new template begins anew. Policies without a window
 * count in the task itself.
 *
 * <p>After a restart of the agent this is read from the tasks that the record has kept: the newest says how many restarts were in its window, and each that
 * is still there when it was made. Those that history has dropped count as old as the oldest that is known, so they may count for somewhat too long, never
 * too short. Ages are by the wall clock then, for there is no other over a restart; a clock that was set ahead meanwhile lets the window begin anew, one
 * that was set back makes restarts count as of now.
 */
final class RestartLog {
    private static final Comparator<Task> BY_AGE = Comparator.comparingLong(Task::createdMillis).thenComparing(Task::id);

    private record Restarts(String templateHash, List<Long> monotonicMillis) {}

    private final SortedMap<Slot, Restarts> bySlot = new TreeMap<>();
    /** What the agent before this one has left, of slots that were not asked about yet. */
    private final SortedMap<Slot, List<Task>> left = new TreeMap<>();

    void restore(Collection<Task> tasks) {
        tasks.forEach(task -> left.computeIfAbsent(task.slot(), slot -> new ArrayList<>()).add(task));
    }

    /** How many restarts count against {@code policy} now that {@code ended} has ended. */
    int attempts(Task ended, RestartPolicy policy, Time now) {
        if (policy.windowMillis() == 0 || policy.maxAttempts() == 0) {
            return ended.attempt();
        }
        long from = now.monotonicMillis() - policy.windowMillis();
        return (int) of(ended, policy, now).stream().filter(at -> at > from).count();
    }

    /** {@code ended} is followed by a restart. */
    void restarted(Task ended, RestartPolicy policy, Time now) {
        if (policy.windowMillis() > 0 && policy.maxAttempts() > 0) {
            List<Long> times = of(ended, policy, now);
            times.removeIf(at -> at <= now.monotonicMillis() - policy.windowMillis());
            times.add(now.monotonicMillis());
        }
    }

    private List<Long> of(Task ended, RestartPolicy policy, Time now) {
        List<Task> before = left.remove(ended.slot());
        Restarts known = bySlot.get(ended.slot());
        if (known == null || !known.templateHash().equals(ended.templateHash())) {
            known = new Restarts(ended.templateHash(), before == null ? new ArrayList<>() : recalled(before, ended, policy, now));
            bySlot.put(ended.slot(), known);
        }
        return known.monotonicMillis();
    }

    /** Oldest first; no more than the policy can count. */
    private static List<Long> recalled(List<Task> before, Task ended, RestartPolicy policy, Time now) {
        List<Task> restarts = before.stream().filter(task -> task.attempt() > 0 && task.templateHash().equals(ended.templateHash())).sorted(BY_AGE).toList();
        List<Long> times = new ArrayList<>();
        int dropped = Math.min(ended.attempt(), policy.maxAttempts()) - restarts.size();
        for (int i = 0; i < dropped; i++) {
            times.add(monotonic(restarts.isEmpty() ? ended : restarts.get(0), now));
        }
        restarts.forEach(task -> times.add(monotonic(task, now)));
        return times;
    }

    private static long monotonic(Task restart, Time now) {
        return now.monotonicMillis() - Math.max(0, now.wallMillis() - restart.createdMillis());
    }

    void forgetAllBut(Collection<Slot> slots) {
        TreeSet<Slot> kept = new TreeSet<>(slots);
        bySlot.keySet().retainAll(kept);
        left.keySet().retainAll(kept);
    }
}
