package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Task;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/** Always: no two containers of a node have a device of the same name, and those that have one have one that is there. */
public final class DevicesAreWithOneTask implements NodeInvariant {
    @Override
    public Optional<String> violation(Simulation cluster, SimNode node) {
        TreeSet<String> given = new TreeSet<>();
        for (Task task : node.running()) {
            for (var kind : task.reserved().generic().named().entrySet()) {
                SortedSet<String> there = node.capacity().generic().named().getOrDefault(kind.getKey(), new TreeSet<>());
                for (String name : kind.getValue()) {
                    if (!there.contains(name) || !given.add(kind.getKey() + "=" + name)) {
                        return Optional.of(node + " gave " + kind.getKey() + "=" + name + " to " + task.id() + ", and has " + there
                                + "; with tasks are " + given);
                    }
                }
            }
        }
        return Optional.empty();
    }
}
