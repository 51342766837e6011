package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.rollout.UpdateProgress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * At rest: each live service has as many slots as it wants, each of them exactly one running container in the whole cluster, of the
 * service's newest template, and nothing else runs. Only for services that fit and whose image runs.
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
            if (service.isJob()) {
                continue; // at rest nothing of it runs: JobsAreDone
            }
            List<Slot> slots = running.keySet().stream().filter(slot -> slot.serviceUid().equals(service.uid())).toList();
            Optional<String> wrong = service.mode() instanceof ServiceSpec.Mode.Replicated replicated
                    ? wrongCount(cluster, service, slots, replicated.replicas()) : wrongNodes(cluster, service, slots);
            if (wrong.isPresent()) {
                return wrong;
            }
            for (Slot slot : slots) {
                List<String> tasks = running.remove(slot);
                if (tasks.size() != 1) {
                    return Optional.of("slot " + service.name() + "." + slot + " is run by " + tasks + known(cluster, slot));
                }
                if (!service.templateHash().equals(templates.get(slot))) {
                    return Optional.of("slot " + service.name() + "." + slot + " runs an old template: " + tasks
                            + slots.stream().map(other -> "\n  slot " + other + known(cluster, other)).collect(Collectors.joining())
                            + "\n    " + UpdateProgress.of(cluster.upNodes().get(0).core().view(), service));
                }
            }
        }
        Map.Entry<Slot, List<String>> stray = running.firstEntry();
        return stray == null ? Optional.empty()
                : Optional.of("nobody asked for " + stray.getKey() + ", run by " + stray.getValue() + known(cluster, stray.getKey()));
    }

    /** Which numbers the slots have is not said: scaled down, a service keeps those that leave its tasks spread evenly. */
    private static Optional<String> wrongCount(Simulation cluster, ServiceSpec service, List<Slot> slots, int wanted) {
        if (slots.size() == wanted) {
            return Optional.empty();
        }
        StringBuilder text = new StringBuilder("service " + service.name() + " wants " + wanted + " slots, running are " + slots);
        for (int index = 1; index <= wanted; index++) {
            Slot slot = Slot.replica(service.uid(), index);
            if (!slots.contains(slot)) {
                text.append("\n  slot ").append(index).append(known(cluster, slot));
            }
        }
        return Optional.of(text.toString());
    }

    private static Optional<String> wrongNodes(Simulation cluster, ServiceSpec service, List<Slot> slots) {
        for (SimNode node : cluster.upNodes()) {
            Slot slot = Slot.global(service.uid(), node.id());
            if (!slots.contains(slot)) {
                return Optional.of("global service " + service.name() + " does not run on " + node + known(cluster, slot));
            }
        }
        return Optional.empty();
    }

    /** What the records say of the slot: where it went wrong is mostly to be seen there. */
    static String known(Simulation cluster, Slot slot) {
        StringBuilder text = new StringBuilder();
        for (SimNode node : cluster.upNodes()) {
            for (Task task : node.core().view().tasks().getOrDefault(node.id(), List.of())) {
                if (task.slot().equals(slot)) {
                    text.append("\n    ").append(node).append(": ").append(task.id(), 0, 8).append(" of ")
                            .append(task.templateHash(), 0, 8).append(' ').append(task.state()).append(", wanted ")
                            .append(task.desired()).append(", attempt ").append(task.attempt()).append(", claimed ")
                            .append(task.claimed().wallMillis()).append(", made ").append(task.createdMillis()).append(", ").append(task.message()).append(' ').append(task.error());
                }
            }
            for (Refusal refusal : node.core().view().refusals().getOrDefault(node.id(), List.of())) {
                if (refusal.slot().equals(slot)) {
                    text.append("\n    ").append(node).append(" refuses: ").append(refusal.reason());
                }
            }
        }
        return text.isEmpty() ? ", and no record names it" : text.toString();
    }
}
