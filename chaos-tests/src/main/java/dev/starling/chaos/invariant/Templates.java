package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What services asked for by template: a container holds what it was made with, also when its service has changed or is gone. */
public final class Templates {
    private final Map<String, ServiceSpec> byTemplate = new TreeMap<>();
    private final Set<String> read = new TreeSet<>();
    private final Map<NodeId, List<Document>> seen = new TreeMap<>();

    /** Takes note of what {@code node} knows now. */
    void observe(SimNode node) {
        if (!node.hasAgent()) {
            return;
        }
        List<Document> services = node.core().documents(Kind.SERVICE);
        if (seen.put(node.id(), services) == services) {
            return;
        }
        for (Document document : services) {
            if (read.add(document.uid() + ' ' + document.object().time().packed() + ' ' + document.object().writer())) {
                ServiceSpec service = ServiceSpecReader.fromBody(document);
                byTemplate.put(service.uid() + service.templateHash(), service);
            }
        }
    }

    Optional<ServiceSpec> of(Task task) {
        return Optional.ofNullable(byTemplate.get(task.slot().serviceUid() + task.templateHash()));
    }
}
