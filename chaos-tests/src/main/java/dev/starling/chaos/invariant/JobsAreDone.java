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
 * At rest: every slot of every job for which there is a node that takes tasks is known to be done, at every node; and what is known to be done was done at least once, by a container that
 * ended with success in that iteration.
 */
public final class JobsAreDone implements Invariant {
    @Override
    public Optional<String> violation(Simulation cluster) {
        TreeSet<String> done = new TreeSet<>();
        for (SimNode node : cluster.nodesEver()) {
            for (Task task : node.completed()) {
                done.add(key(task.slot(), task.iteration()));
            }
        }
        for (SimNode node : cluster.upNodes()) {
            for (ServiceSlots slots : SlotTable.of(node.core().view()).byAge()) {
                ServiceSpec service = slots.service();
                for (SlotState state : slots.wanted()) {
                    if (service.isJob() && !state.completed() && hasPlace(cluster, node, state.slot(), service)) {
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

    /** Where all nodes are drained, say, it waits. */
    private static boolean hasPlace(Simulation cluster, SimNode witness, Slot slot, ServiceSpec service) {
        return cluster.upNodes().stream().filter(node -> !slot.isGlobal() || node.id().equals(slot.node()))
                .anyMatch(node -> Room.suits(witness, node, service));
    }

    private static String key(Slot slot, long iteration) {
        return slot + " " + iteration;
    }
}
