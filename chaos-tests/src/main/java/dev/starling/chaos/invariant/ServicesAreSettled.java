package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.scheduler.model.PartitionPolicy;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.plan.Explain;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * At rest, whatever services ask for and nodes have: each slot runs once, of the newest template and where it may; or it has ended and its restart
 * policy lets nothing follow; or it waits, says why, and really has no place anywhere. Nothing runs that nobody asked for. Where as many
 * slots wait as may be in change, an update goes no further, and the others may run the old template. Whether a node has a place is worked
 * out here anew, from the documents and from what the kernels run. Jobs are {@link JobsAreDone}'s.
 */
public final class ServicesAreSettled implements Invariant {
    private final Templates templates;

    public ServicesAreSettled(Templates templates) {
        this.templates = templates;
    }

    /** It can run anywhere. */
    static boolean isUndemanding(ServiceSpec service) {
        return service.mode() instanceof ServiceSpec.Mode.Replicated && service.constraints().isEmpty() && service.spreadPreferences().isEmpty()
                && service.hostPorts().isEmpty() && service.maxReplicasPerNode() == 0 && service.reservations().equals(Resources.NONE)
                && service.site().partition() != PartitionPolicy.EXCLUSIVE;
    }

    @Override
    public Optional<String> violation(Simulation cluster) {
        cluster.nodes().forEach(templates::observe);
        TreeMap<Slot, List<String>> running = new TreeMap<>();
        TreeMap<Slot, Task> tasks = new TreeMap<>();
        for (SimNode node : cluster.upNodes()) {
            for (Task task : node.running()) {
                running.computeIfAbsent(task.slot(), slot -> new ArrayList<>()).add(task.id() + " on " + node);
                tasks.put(task.slot(), task);
            }
        }
        SimNode witness = cluster.upNodes().get(0);
        View view = witness.core().view();
        SlotTable table = SlotTable.of(view);
        for (Document document : witness.core().documents(Kind.SERVICE)) {
            ServiceSpec service = ServiceSpecReader.fromBody(document);
            ServiceSlots slots = table.service(service.uid()).orElse(null);
            if (slots == null) {
                return Optional.of("service " + service.name() + " has a document, and the plan does not know it");
            }
            if (service.isJob()) {
                running.keySet().removeIf(slot -> slots.wanted(slot) != null); // it may have found room just now
                continue;
            }
            Optional<String> wrong = wrongCount(cluster, witness, service, slots);
            long waiting = slots.wanted().stream().filter(SlotState::isFree).count();
            boolean updateIsHeldUp = service.update().parallelism() > 0 && waiting >= service.update().parallelism();
            for (SlotState state : slots.wanted()) {
                if (wrong.isPresent()) {
                    return wrong;
                }
                wrong = wrong(cluster, witness, service, state, running.remove(state.slot()), tasks.get(state.slot()), updateIsHeldUp)
                        .map(text -> "slot " + service.name() + "." + state.slot() + " " + text + EachSlotRunsOnce.known(cluster, state.slot()));
            }
            if (wrong.isPresent()) {
                return wrong;
            }
        }
        return Optional.ofNullable(running.firstEntry())
                .map(stray -> "nobody asked for " + stray.getKey() + ", run by " + stray.getValue() + EachSlotRunsOnce.known(cluster, stray.getKey()));
    }

    private static Optional<String> wrongCount(Simulation cluster, SimNode witness, ServiceSpec service, ServiceSlots slots) {
        if (service.mode() instanceof ServiceSpec.Mode.Replicated replicated) {
            return slots.wanted().size() == replicated.replicas() ? Optional.empty()
                    : Optional.of(service.name() + " wants " + replicated.replicas() + " slots and has " + slots.wanted().stream().map(SlotState::slot).toList());
        }
        return cluster.upNodes().stream().filter(node -> Room.suits(witness, node, service) && slots.wanted(Slot.global(service.uid(), node.id())) == null)
                .findFirst().map(node -> "the global service " + service.name() + " has no slot on " + node);
    }

    private Optional<String> wrong(Simulation cluster, SimNode witness, ServiceSpec service, SlotState state, List<String> runs, Task task,
            boolean updateIsHeldUp) {
        if (runs != null) {
            if (runs.size() > 1) {
                return Optional.of("is run by " + runs);
            }
            if (!task.templateHash().equals(service.templateHash())) {
                return updateIsHeldUp ? Optional.empty() : Optional.of("runs an old template: " + runs);
            }
            return Room.mayStay(witness, task.node(), service) ? Optional.empty() : Optional.of("runs where it may not: " + runs);
        }
        if (state.finished()) {
            boolean restricted = service.restart().condition() != RestartPolicy.Condition.ANY || service.restart().maxAttempts() > 0;
            return restricted ? Optional.empty() : Optional.of("has ended for good, and its service restarts what ends");
        }
        if (!state.isFree()) {
            return Optional.of("is held and does not run");
        }
        Optional<SimNode> place = cluster.upNodes().stream()
                .filter(node -> !state.slot().isGlobal() || node.id().equals(state.slot().node()))
                .filter(node -> Room.suits(witness, node, service) && Room.fits(templates, witness, node, service)).findFirst();
        String reason = Explain.slot(witness.core().view(), state.slot()).map(Explain::summary).orElse("");
        if (place.isPresent()) {
            return Optional.of("does not run (" + reason + "), and " + place.get() + " has a place for it");
        }
        return reason.isEmpty() ? Optional.of("waits, and nobody says why") : Optional.empty();
    }
}
