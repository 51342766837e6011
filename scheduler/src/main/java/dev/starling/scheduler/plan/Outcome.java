package dev.starling.scheduler.plan;

import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.slot.ServiceSlots;

/**
 * What a plan came to for one service, and what it adds to the load of nodes at its turn.
 *
 * @param first   the service is placed for the first time: see {@link #isFirst}
 * @param choices one for each free slot; the nodes that they name first have the slots at the service's turn
 * @param running places of the nodes that run it, once for each task; empty where that counts from the beginning anyway
 * @param claimed places of the nodes whose claims count at the service's turn, once for each claim
 * @param most    how many {@code choices} has of one node at most, or had when it was worked out
 */
record Outcome(ServiceSlots slots, Demand demand, boolean first, Choices choices, int[] running, int[] claimed, int most) {
    /**
     * The service is as it was created, and nobody has ever claimed its free slots. Then it is spread by what services older than it have put on
     * the nodes: of those that were created with it some begin to run while others are still claimed, here sooner than there. A slot that
     * has lost its task, or came by an update, goes by all that runs.
     */
    static boolean isFirst(ServiceSlots slots) {
        return slots.service().generation() == 1 && slots.hasFree() && slots.isFreeUntouched();
    }

    ServiceSpec service() {
        return slots.service();
    }

    /** What runs of it counts from its turn on. */
    boolean runningCounts() {
        return running.length > 0;
    }

    Outcome withRunning(int[] places) {
        return new Outcome(slots, demand, first, choices, places, claimed, most);
    }

    /** There are free slots, and no node for any of them. */
    boolean placesNothing() {
        return !choices.isEmpty() && choices.placesNothing();
    }
}
