package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Task;
import java.util.Optional;

/**
 * Something that must hold of each node all the time. It is looked at after every simulated event in which the node's desired state, its
 * record or its containers changed, and when its agent starts.
 */
public interface NodeInvariant {
    /** What is wrong with {@code node}, with names and numbers; empty where it holds. */
    Optional<String> violation(Simulation cluster, SimNode node);

    /** The node has lost its disk: what it knew before binds it no more. */
    default void forget(SimNode node) {}

    /** The node has written this of one of its tasks: told at once, also of what it writes over in the same moment. */
    default void wrote(SimNode node, Task task) {}

    default String name() {
        return getClass().getSimpleName();
    }
}
