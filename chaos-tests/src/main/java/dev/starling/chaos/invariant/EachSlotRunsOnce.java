package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * At rest: each slot of each live service has exactly one running container in the whole cluster, of the service's newest template, and
 * nothing else runs. Only for services that fit and whose image runs.
 */
public final class EachSlotRunsOnce implements Invariant {
    @Override
    public Optional<String> violation(Simulation cluster) {
        TreeMap<Slot, List<String>> running = new TreeMap<>();
        TreeMap<Slot, String> templates = new TreeMap<>();
        for (SimNode node : cluster.upNodes()) {
            for (Task task : node.running()) {
                running.computeIfAbsent(task.slot(), slot -> new ArrayList<>()).add(task.id() + " on " + node);
                templates.put(task.slot(), task.templateHash());
            }
        }
        for (Document document : cluster.upNodes().get(0).core().snapshot().documents().get(Kind.SERVICE)) {
            ServiceSpec service = ServiceSpecReader.fromBody(document);
            for (Slot slot : slots(cluster, service)) {
                List<String> tasks = running.remove(slot);
                if (tasks == null || tasks.size() != 1) {
                    return Optional.of("slot " + service.name() + "." + slot + " is run by " + (tasks == null ? "nobody" : tasks));
                }
                if (!service.templateHash().equals(templates.get(slot))) {
                    return Optional.of("slot " + service.name() + "." + slot + " runs an old template: " + tasks);
                }
            }
        }
        Map.Entry<Slot, List<String>> stray = running.firstEntry();
        return stray == null ? Optional.empty() : Optional.of("nobody asked for " + stray.getKey() + ", run by " + stray.getValue());
    }

    private static List<Slot> slots(Simulation cluster, ServiceSpec service) {
        List<Slot> slots = new ArrayList<>();
        if (service.mode() instanceof ServiceSpec.Mode.Replicated replicated) {
            for (int i = 1; i <= replicated.replicas(); i++) {
                slots.add(Slot.replica(service.uid(), i));
            }
        } else {
            cluster.upNodes().forEach(node -> slots.add(Slot.global(service.uid(), node.id())));
        }
        return slots;
    }
}
