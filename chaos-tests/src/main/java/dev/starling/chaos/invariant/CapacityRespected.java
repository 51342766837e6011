package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Always: what a node's containers reserve is no more than it has, whatever services and clients compete for it. */
public final class CapacityRespected implements NodeInvariant {
    /** By template: a container holds what the template it was made of reserves, also when its service has changed or is gone. */
    private final Map<String, Resources> reservations = new TreeMap<>();
    private List<Document> read = List.of();

    @Override
    public Optional<String> violation(Simulation cluster, SimNode node) {
        if (node.hasAgent()) {
            List<Document> services = node.core().documents(Kind.SERVICE);
            if (services != read) {
                for (Document document : services) {
                    ServiceSpec service = ServiceSpecReader.fromBody(document);
                    reservations.put(service.uid() + service.templateHash(), service.reservations());
                }
                read = services;
            }
        }
        Resources used = Resources.NONE;
        for (Task task : node.running()) {
            used = used.plus(reservations.getOrDefault(task.slot().serviceUid() + task.templateHash(), Resources.NONE));
        }
        return node.capacity().covers(used) ? Optional.empty()
                : Optional.of(node + " runs tasks that reserve " + used + " and has " + node.capacity());
    }
}
