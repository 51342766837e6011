package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Task;
import java.util.Collection;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/** From now on: each of these tasks keeps its container, whatever the nodes believe of each other. */
public final class NoneOfTheseStops implements NodeInvariant {
    private final SortedSet<String> taskIds;

    public NoneOfTheseStops(Collection<String> taskIds) {
        this.taskIds = new TreeSet<>(taskIds);
    }

    @Override
    public Optional<String> violation(Simulation cluster, SimNode touched) {
        SortedSet<String> missing = new TreeSet<>(taskIds);
        for (SimNode node : cluster.nodes()) {
            node.running().stream().map(Task::id).forEach(missing::remove);
        }
        if (missing.isEmpty()) {
            return Optional.empty();
        }
        StringBuilder text = new StringBuilder("stopped are " + missing);
        for (Task task : touched.hasAgent() ? touched.core().tasks(touched.id()) : java.util.List.<Task>of()) {
            if (missing.contains(task.id())) {
                text.append("\n  ").append(task.id()).append(" on ").append(touched).append(": ").append(task.state()).append(", ").append(task.message())
                        .append(EachSlotRunsOnce.known(cluster, task.slot()));
            }
        }
        return Optional.of(text.toString());
    }
}
