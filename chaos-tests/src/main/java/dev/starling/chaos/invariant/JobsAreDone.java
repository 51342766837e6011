package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import java.util.Optional;
import java.util.TreeSet;

/**
 * At rest: every slot of every job is known to be done, at every node; and what is known to be done was done at least once, by a container that
 * ended with success in that iteration.
 */
public final class JobsAreDone implements Invariant {
    @Override
    public Optional<String> violation(Simulation cluster) {
        TreeSet<String> done = new TreeSet<>();
        for (SimNode node : cluster.nodes()) {
            for (Task task : node.completed()) {
                done.add(key(task.slot(), task.iteration()));
            }
        }
        for (SimNode node : cluster.upNodes()) {
            for (ServiceSlots slots : SlotTable.of(node.core().view()).byAge()) {
                ServiceSpec service = slots.service();
                for (SlotState state : slots.wanted().values()) {
                    if (service.isJob() && !state.completed()) {
                        return Optional.of("at " + node + " slot " + service.name() + "." + state.slot() + " of iteration " + service.iteration()
                                + " is not done" + EachSlotRunsOnce.known(cluster, state.slot()));
                    }
                    if (state.completed() && !done.contains(key(state.slot(), service.iteration()))) {
                        return Optional.of("at " + node + " slot " + service.name() + "." + state.slot() + " of iteration " + service.iteration()
                                + " counts as done, and nobody did it" + EachSlotRunsOnce.known(cluster, state.slot()));
                    }
                }
            }
        }
        return Optional.empty();
    }

    private static String key(Slot slot, long iteration) {
        return slot + " " + iteration;
    }
}
