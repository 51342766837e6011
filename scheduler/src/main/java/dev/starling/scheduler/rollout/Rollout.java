package dev.starling.scheduler.rollout;

import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * Which slots of a service may change to the present template now, with no one in charge. The slots stand in an order that everyone
 * computes from the service; a slot may change iff fewer than {@code parallelism} of the others are not running, or stand before it and are not yet done.
 * One whose new task has failed has been tried: it does not hold up the others, how many such there may be says the failure ratio.
 *
 * <p>Why stale views only delay: of the slots in change take the last in the order. Its node saw fewer than {@code parallelism} undone
 * before it; what it saw done or tried is so, so fewer than {@code parallelism} others can be in change. This holds for the sides of a partition as well, since what
 * one has done the other cannot see: as long as the last word on a slot is not taken back (see {@code Precedence}), and as the order is the same for all
 * documents of the service, so that sides that were given different templates begin with the same slots.
 *
 * <p>Why those that do not run come first, wherever they stand: an update that replaces another one half way would else begin at the front while what the
 * other had stopped is still down.
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
            boolean done = state.isDone(service);
            boolean tried = done || state.tasks().stream().anyMatch(task -> UpdateProgress.isFailure(service, task));
            boolean settled = tried && rested.test(state); // asked of all, since a wait that is not asked about begins anew
            if (!done && (parallelism == 0 || inChange < parallelism)) {
                rollout.allowed.add(state.slot());
            }
            if (!settled) {
                inChange++;
            }
        }
        return rollout;
    }

    /** Nothing may change now. */
    public static Rollout none() {
        return new Rollout();
    }

    /**
     * An update whose forerunner was not done: the slots run several templates, and none of them was put there by the document of {@code slots}. Nodes
     * that do not have this document yet may still go on with the one before.
     */
    public static boolean replacesAnother(ServiceSlots slots) {
        List<Task> holders = slots.wanted().stream().map(SlotState::holder).filter(Objects::nonNull).toList();
        return holders.stream().map(Task::templateHash).distinct().count() > 1
                && holders.stream().allMatch(task -> task.serviceGeneration() < slots.service().generation());
    }

    static List<SlotState> inOrder(ServiceSlots slots) {
        long seed = Rendezvous.hash(slots.service().uid());
        return slots.wanted().stream()
                .sorted(Comparator.comparing((SlotState state) -> state.isRunning() || state.isDone(slots.service()))
                        .thenComparingLong(state -> Rendezvous.score(seed, Rendezvous.hash(state.slot())))
                        .thenComparing(SlotState::slot))
                .toList();
    }

    public boolean mayChange(Slot slot) {
        return allowed.contains(slot);
    }
}
