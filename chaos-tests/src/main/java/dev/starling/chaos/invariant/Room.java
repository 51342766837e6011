package dev.starling.chaos.invariant;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.starling.chaos.sim.SimNode;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import java.util.Optional;

/**
 * Where a task could run, worked out a second time without the planner's filters: from the documents, which {@code witness} has, and from what the
 * kernels run. It knows the demands that the simulation's services make, and no others.
 */
final class Room {
    private static final String ZONE = "node.labels.zone";

    private Room() {}

    private static JsonNode spec(SimNode witness, NodeId node) {
        return witness.core().documents(Kind.NODE).stream().filter(document -> document.uid().equals(node.value())).findFirst()
                .map(Document::spec).orElse(MissingNode.getInstance());
    }

    /** It may take tasks of the service now. */
    static boolean suits(SimNode witness, SimNode node, ServiceSpec service) {
        JsonNode spec = spec(witness, node.id());
        return spec.path("Availability").asText().equals("active") && inZone(spec, service);
    }

    /** A task that is there may go on. */
    static boolean mayStay(SimNode witness, NodeId node, ServiceSpec service) {
        JsonNode spec = spec(witness, node);
        return !spec.path("Availability").asText().equals("drain") && inZone(spec, service);
    }

    private static boolean inZone(JsonNode nodeSpec, ServiceSpec service) {
        String zone = nodeSpec.path("Labels").path("zone").asText("");
        for (String constraint : service.constraints()) {
            if (!constraint.startsWith(ZONE)) {
                throw new IllegalArgumentException("the simulation makes no such constraint: " + constraint);
            }
            boolean equal = constraint.substring(ZONE.length() + 2).equals(zone);
            if (equal != constraint.startsWith(ZONE + "==")) {
                return false;
            }
        }
        return true;
    }

    /**
     * There is room for one more task beside what runs there, and also beside what is to run there: of a task whose update is held up the plan keeps the place
     * that the next one will need (docs/SCHEDULER.md, "Known limits"), and the node itself goes by what runs.
     */
    static boolean fits(Templates templates, SimNode witness, SimNode node, ServiceSpec service) {
        int tasks = 0;
        Resources wanted = Resources.NONE;
        for (Task task : node.running()) {
            Optional<ServiceSpec> next = Optional.ofNullable(witness.core().view().services().get(task.slot().serviceUid()));
            if (publishes(templates.of(task), service) || publishes(next, service)) {
                return false; // it has the port, or is going to have it
            }
            wanted = wanted.plus(next.map(ServiceSpec::reservations).orElse(Resources.NONE));
            tasks += task.slot().serviceUid().equals(service.uid()) ? 1 : 0;
        }
        boolean below = service.maxReplicasPerNode() == 0 || tasks < service.maxReplicasPerNode();
        return below && node.capacity().covers(CapacityRespected.used(templates, node).plus(service.reservations()))
                && node.capacity().covers(wanted.plus(service.reservations()));
    }

    private static boolean publishes(Optional<ServiceSpec> other, ServiceSpec service) {
        return other.isPresent() && other.get().hostPorts().stream().anyMatch(service.hostPorts()::contains);
    }
}
