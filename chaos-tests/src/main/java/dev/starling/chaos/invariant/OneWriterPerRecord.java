package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Task;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Always: what any node holds as another's task is what that other node wrote itself, at some time. Two checks, on both ends: what a node
 * writes is noted as it writes it, for a state that lasts no longer than a step may be on its way too; what the others hold of it is compared from time to time.
 */
public final class OneWriterPerRecord implements NodeInvariant, Invariant {
    private final Set<Task> written = new HashSet<>();
    private final Map<NodeId, SortedMap<NodeId, List<Task>>> compared = new TreeMap<>();

    @Override
    public void wrote(SimNode owner, Task task) {
        written.add(task);
    }

    @Override
    public Optional<String> violation(Simulation cluster, SimNode owner) {
        return Optional.empty();
    }

    @Override
    public Optional<String> violation(Simulation cluster) {
        for (SimNode reader : cluster.upNodes()) {
            SortedMap<NodeId, List<Task>> now = reader.core().view().tasks();
            SortedMap<NodeId, List<Task>> before = compared.put(reader.id(), now);
            if (now == before) {
                continue;
            }
            for (Map.Entry<NodeId, List<Task>> record : now.entrySet()) {
                if (before != null && before.get(record.getKey()) == record.getValue()) {
                    continue;
                }
                for (Task task : record.getValue()) {
                    if (!task.node().equals(record.getKey()) || !written.contains(task)) {
                        return Optional.of(reader + " holds in the record of " + record.getKey() + " what that node never wrote: " + task);
                    }
                }
            }
        }
        return Optional.empty();
    }

    @Override
    public String name() {
        return getClass().getSimpleName();
    }
}
