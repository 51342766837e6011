package dev.starling.scheduler;

import dev.starling.gossip.desired.HybridTime;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.ServiceSpec;
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
 * <p>A restart counts as one of the template that is started, whatever the task was made from which ended: beside a start-first update's tries the old
 * task runs on, and when that ends too, what was tried was tried.
 *
 * <p>A slot that other nodes have rejected is claimed with as many attempts as they made of it ({@link Bidding}). Those count as of the first task of the
 * claim: without them a service that may be restarted once would be started once more for each node that could not start it.
 *
 * <p>After a restart of the agent this is read from the tasks that the record has kept: the newest restart says how many were in its window, and each that
 * is still there when it was made. Those that history has dropped count as old as the oldest that is known, so they may count for somewhat too long, never
 * too short. Ages are by the wall clock then, for there is no other over a restart; a clock that was set ahead meanwhile lets the window begin anew, one
 * that was set back makes restarts count as of now.
 */
final class RestartLog {
    private static final Comparator<Task> BY_AGE = Comparator.comparingLong(Task::createdMillis).thenComparing(Task::id);

    private record Restarts(String templateHash, HybridTime claimed, List<Long> monotonicMillis) {}

    private final SortedMap<Slot, Restarts> bySlot = new TreeMap<>();
    /** What the agent before this one has left, of slots that were not asked about yet. */
    private final SortedMap<Slot, List<Task>> left = new TreeMap<>();

    void restore(Collection<Task> tasks) {
        tasks.forEach(task -> left.computeIfAbsent(task.slot(), slot -> new ArrayList<>()).add(task));
    }

    /** How many restarts count against the task of {@code service} that may follow {@code ended}. */
    int attempts(Task ended, ServiceSpec service, Time now) {
        RestartPolicy policy = service.restart();
        if (!policy.countsInWindow()) {
            return ended.attempt();
        }
        return within(policy, restartsBefore(ended, service, now), now);
    }

    /**
     * How many restarts on this node count against a task that is about to claim {@code slot}. One that began at none would end as the last word on its slot
     * with attempts to spare, while this log lets nothing follow it: the slot would be free, and claimed again and again without a rest.
     */
    int attempts(Slot slot, ServiceSpec service, Time now) {
        RestartPolicy policy = service.restart();
        if (!policy.countsInWindow()) {
            return 0;
        }
        Restarts known = ofPresent(slot, service, now);
        return known == null ? 0 : within(policy, known.monotonicMillis(), now);
    }

    /** Of the present template; null where it has none here. */
    private Restarts ofPresent(Slot slot, ServiceSpec service, Time now) {
        left.getOrDefault(slot, List.of()).stream().filter(service::isCurrent).max(BY_AGE).ifPresent(newest -> of(newest, service.restart(), now));
        Restarts known = bySlot.get(slot);
        return known == null || !known.templateHash().equals(service.templateHash()) ? null : known;
    }

    private List<Long> restartsBefore(Task ended, ServiceSpec service, Time now) {
        if (service.isCurrent(ended)) {
            return of(ended, service.restart(), now);
        }
        Restarts known = ofPresent(ended.slot(), service, now);
        if (known == null) {
            known = new Restarts(service.templateHash(), ended.claimed(), new ArrayList<>());
            bySlot.put(ended.slot(), known);
        }
        return known.monotonicMillis();
    }

    private static int within(RestartPolicy policy, List<Long> times, Time now) {
        long from = now.monotonicMillis() - policy.windowMillis();
        return (int) times.stream().filter(at -> at > from).count();
    }

    /** {@code ended} is followed by a restart, of the present template of {@code service}. */
    void restarted(Task ended, ServiceSpec service, Time now) {
        RestartPolicy policy = service.restart();
        if (policy.countsInWindow()) {
            List<Long> times = restartsBefore(ended, service, now);
            times.removeIf(at -> at <= now.monotonicMillis() - policy.windowMillis());
            times.add(now.monotonicMillis());
        }
    }

    private List<Long> of(Task ended, RestartPolicy policy, Time now) {
        List<Task> before = left.remove(ended.slot());
        Restarts known = bySlot.get(ended.slot());
        List<Long> times;
        if (known == null || !known.templateHash().equals(ended.templateHash())) {
            times = recalled(before == null ? List.of() : before, ended, policy, now);
        } else if (!known.claimed().equals(ended.claimed())) {
            times = claimedAnew(known.monotonicMillis(), ended, policy, now);
        } else {
            return known.monotonicMillis();
        }
        bySlot.put(ended.slot(), new Restarts(ended.templateHash(), ended.claimed(), times));
        return times;
    }

    /** What counted when the task was made that the new claim began with: the restarts of this node that it knows of, and what was rejected elsewhere. */
    private static List<Long> claimedAnew(List<Long> known, Task ended, RestartPolicy policy, Time now) {
        long made = monotonic(ended, now);
        List<Long> times = new ArrayList<>(known);
        times.removeIf(at -> at <= made - policy.windowMillis());
        while (times.size() < Math.min(ended.attempt(), policy.maxAttempts())) {
            times.add(made);
        }
        return times;
    }

    /** Oldest first; no more than the policy can count. */
    private static List<Long> recalled(List<Task> before, Task ended, RestartPolicy policy, Time now) {
        List<Task> restarts = before.stream().filter(task -> task.attempt() > 0 && task.templateHash().equals(ended.templateHash())).sorted(BY_AGE).toList();
        List<Long> times = new ArrayList<>();
        int counted = restarts.isEmpty() ? ended.attempt() : Math.max(ended.attempt(), restarts.get(restarts.size() - 1).attempt()); // an update's next try begins at none
        int dropped = Math.min(counted, policy.maxAttempts()) - restarts.size();
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
