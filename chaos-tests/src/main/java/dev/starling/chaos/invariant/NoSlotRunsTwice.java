package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import java.util.Optional;
import java.util.TreeMap;

/** At rest: no slot has two running containers, be there room for all slots or not. */
public final class NoSlotRunsTwice implements Invariant {
    @Override
    public Optional<String> violation(Simulation cluster) {
        TreeMap<Slot, String> runs = new TreeMap<>();
        for (SimNode node : cluster.nodes()) {
            for (Task task : node.running()) {
                String other = runs.put(task.slot(), task.id() + " on " + node);
                if (other != null) {
                    return Optional.of("slot " + task.slot() + " is run by " + other + " and by " + task.id() + " on " + node
                            + EachSlotRunsOnce.known(cluster, task.slot()));
                }
            }
        }
        return Optional.empty();
    }
}
