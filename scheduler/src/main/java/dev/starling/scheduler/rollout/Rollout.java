package dev.starling.scheduler.rollout;

import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import java.util.Comparator;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * Which slots of a service may change to the present template now, with no one in charge. The slots stand in an order that everyone
 * computes from (service, generation); a slot may change iff fewer than {@code parallelism} of those before it are not yet done. One whose
 * new task has failed has been tried: it does not hold up the others, how many such there may be says the failure ratio.
 *
 * <p>Why stale views only delay: of the slots in change take the last in the order. Its node saw fewer than {@code parallelism} undone
 * before it; what it saw done or tried is so, so fewer than {@code parallelism} others can be in change.
 */
public final class Rollout {
    private final SortedSet<Slot> allowed = new TreeSet<>();

    private Rollout() {}

    /** @param rested whether a slot that is done has been so for the update's delay, as far as the asking node has seen */
    public static Rollout of(ServiceSlots slots, Predicate<SlotState> rested) {
        Rollout rollout = new Rollout();
        ServiceSpec service = slots.service();
        if (UpdateProgress.isHalted(slots)) {
            return rollout;
        }
        int parallelism = service.update().parallelism();
        int inChange = 0;
        for (SlotState state : inOrder(slots)) {
            if (parallelism > 0 && inChange == parallelism) {
                break;
            }
            boolean done = state.isDone(service);
            boolean tried = done || state.tasks().stream().anyMatch(task -> UpdateProgress.isFailure(service, task));
            if (!tried || !rested.test(state)) {
                inChange++;
            }
            if (!done) {
                rollout.allowed.add(state.slot());
            }
        }
        return rollout;
    }

    static List<SlotState> inOrder(ServiceSlots slots) {
        long seed = Rendezvous.score(Rendezvous.hash(slots.service().uid()), slots.service().generation());
        return slots.wanted().values().stream()
                .sorted(Comparator.comparingLong((SlotState state) -> Rendezvous.score(seed, Rendezvous.hash(state.slot())))
                        .thenComparing(SlotState::slot))
                .toList();
    }

    public boolean mayChange(Slot slot) {
        return allowed.contains(slot);
    }
}
