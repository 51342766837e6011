package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Always: no two containers of a node publish one host port, also where one is out of date or its service is gone; and no node wants more tasks of one
 * template to run than its service allows on a node.
 */
public final class PlacesAreNotShared implements NodeInvariant {
    private final Templates templates;

    public PlacesAreNotShared(Templates templates) {
        this.templates = templates;
    }

    @Override
    public Optional<String> violation(Simulation cluster, SimNode node) {
        templates.observe(node);
        Map<String, Task> ports = new TreeMap<>();
        Map<String, Integer> perTemplate = new TreeMap<>();
        for (Task task : node.running()) {
            ServiceSpec service = templates.of(task).orElse(null);
            if (service == null) {
                continue;
            }
            SortedSet<String> published = new TreeSet<>(task.pickedPorts().keySet());
            published.addAll(service.hostPorts());
            for (String port : published) {
                Task other = ports.put(port, task);
                if (other != null) {
                    return Optional.of(node + " publishes " + port + " for slot " + other.slot() + " and for slot " + task.slot()
                            + EachSlotRunsOnce.known(cluster, other.slot()) + "\n   beside" + EachSlotRunsOnce.known(cluster, task.slot()));
                }
            }
            if (!node.hasAgent() || node.core().tasks(node.id()).stream().noneMatch(own -> own.id().equals(task.id()) && own.isActive())) {
                continue; // it is being stopped: that is enough here
            }
            int count = perTemplate.merge(service.uid() + service.templateHash(), 1, Integer::sum);
            if (service.maxReplicasPerNode() > 0 && count > service.maxReplicasPerNode()) {
                return Optional.of(node + " runs " + count + " tasks of " + service.name() + ", of which " + service.maxReplicasPerNode() + " may be on a node");
            }
        }
        return Optional.empty();
    }
}
