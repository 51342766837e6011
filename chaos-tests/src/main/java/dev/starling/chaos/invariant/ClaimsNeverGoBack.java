package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Always, restarts and clocks that are set back included: the state of a node's task, and what is wanted of it, only move forward; its
 * claim stays as it is; and a new claim is later than every claim that this node has made before, as far as its agent or its record still knows of it.
 */
public final class ClaimsNeverGoBack implements NodeInvariant {
    private static final class Seen {
        List<Task> list = List.of();
        final Map<String, Task> tasks = new TreeMap<>();
        final Map<Slot, Set<HybridTime>> claims = new TreeMap<>();
        HybridTime latest = HybridTime.ZERO;
        long session = -1;
    }

    private final Map<NodeId, Seen> byNode = new TreeMap<>();

    @Override
    public void forget(SimNode node) {
        byNode.remove(node.id());
    }

    @Override
    public Optional<String> violation(Simulation cluster, SimNode node) {
        if (!node.hasAgent()) {
            return Optional.empty();
        }
        Seen seen = byNode.computeIfAbsent(node.id(), first -> new Seen());
        List<Task> tasks = node.core().tasks(node.id());
        if (tasks == seen.list) {
            return Optional.empty();
        }
        seen.list = tasks;
        if (seen.session != node.session()) {
            seen.session = node.session();
            seen.latest = HybridTime.ZERO;
        }
        HybridTime latestBefore = seen.latest;
        for (Task task : tasks) {
            Task before = seen.tasks.put(task.id(), task);
            if (before == task) {
                continue;
            }
            if (before != null && (task.state().compareTo(before.state()) < 0 || task.desired().compareTo(before.desired()) < 0
                    || !task.claimed().equals(before.claimed()))) {
                return Optional.of(node + " went back from " + before + " to " + task);
            }
            boolean isNewClaim = seen.claims.computeIfAbsent(task.slot(), slot -> new TreeSet<>()).add(task.claimed());
            if (isNewClaim && task.claimed().compareTo(latestBefore) <= 0) {
                return Optional.of(node + " claimed at " + latestBefore + " and then, earlier, " + task);
            }
            seen.latest = task.claimed().compareTo(seen.latest) > 0 ? task.claimed() : seen.latest;
        }
        seen.tasks.keySet().retainAll(tasks.stream().map(Task::id).toList());
        return Optional.empty();
    }
}
