package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Task;
import java.util.Optional;

/** Always: what a node has claimed and not ended reserves no more than the node has, whether a container runs for it yet or not. */
public final class ClaimsFitTheirNode implements NodeInvariant {
    @Override
    public Optional<String> violation(Simulation cluster, SimNode node) {
        if (!node.hasAgent()) {
            return Optional.empty();
        }
        Resources claimed = Resources.NONE;
        for (Task task : node.core().activeTasks()) {
            claimed = claimed.plus(task.reserved());
        }
        return node.capacity().covers(claimed) ? Optional.empty() : Optional.of(node + " has claimed " + claimed + " and has " + node.capacity());
    }
}
