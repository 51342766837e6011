package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.SlotIndex;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Always: a node claims no slot of a job that it knew to be done for longer than keepers take to write that down, however many nodes died, were removed or lost their disks since, and
 * whatever it hears first of what came after. What it knew for a shorter time without a break, or while it stood still, it may have known from a node alone that was then removed: that is not promised.
 * What it knew it may forget when its agent ends, and when the job's document here is another one (another number of completions, another iteration). Where that document is of an earlier iteration than what was done meanwhile (the other side of a partition
 * had forced the job again, and its document has not prevailed), nothing is promised: keepers drop the one sum for the other.
 */
public final class CompletedWorkStaysDone implements NodeInvariant {
    /** Keepers write once a second, and the scheduler plans a moment later. */
    private static final long KEPT_AFTER_MILLIS = 1_200;

    private static final class Known {
        long session;
        final TreeMap<String, ServiceSpec.Mode> modes = new TreeMap<>();
        /** Slot and iteration -> since when it is known to be done, without a break. */
        TreeMap<String, Long> done = new TreeMap<>();
        /** Slots and iterations that were known to be done for long enough. */
        final TreeSet<String> kept = new TreeSet<>();
        final TreeSet<String> claimed = new TreeSet<>();
        final SlotIndex index = new SlotIndex();
        View view;
    }

    private final TreeMap<NodeId, Known> known = new TreeMap<>();

    @Override
    public Optional<String> violation(Simulation cluster, SimNode node) {
        if (!node.hasAgent()) {
            return Optional.empty();
        }
        Known here = known.computeIfAbsent(node.id(), id -> new Known());
        if (here.session != node.session()) {
            here.session = node.session();
            here.done.clear();
            here.kept.clear();
        }
        View view = node.core().view();
        if (view == here.view) {
            return Optional.empty();
        }
        here.view = view;
        long before = cluster.now() - KEPT_AFTER_MILLIS;
        if (node.answeringSince() < before) { // until now the view was as it was
            here.done.forEach((slot, since) -> {
                if (since < before) {
                    here.kept.add(slot);
                }
            });
        }
        if (here.claimed.isEmpty() && view.services().values().stream().noneMatch(ServiceSpec::isJob)) {
            return Optional.empty(); // nothing to hold it to yet, and a table of all slots is what costs here
        }
        for (ServiceSpec service : view.services().values()) {
            if (service.isJob() && !service.mode().equals(here.modes.put(service.uid(), service.mode()))) {
                here.done.keySet().removeIf(slot -> slot.startsWith(service.uid()));
                here.kept.removeIf(slot -> slot.startsWith(service.uid()));
            }
        }
        for (Task task : node.core().tasks(node.id())) {
            if (task.iteration() > 0 && here.claimed.add(task.id()) && here.kept.contains(task.slot() + " " + task.iteration())) {
                return Optional.of(node + " claims " + task.slot() + " of iteration " + task.iteration() + ", which it knew to be done");
            }
        }
        TreeMap<String, Long> known = here.done;
        here.done = new TreeMap<>();
        SlotTable table = here.index.table(view);
        for (ServiceSpec service : view.services().values()) {
            if (service.isJob() && !table.service(service.uid()).orElseThrow().overtaken()) {
                table.service(service.uid()).orElseThrow().wanted().stream().filter(SlotState::completed)
                        .map(state -> state.slot() + " " + service.iteration())
                        .forEach(slot -> here.done.put(slot, known.getOrDefault(slot, cluster.now())));
            }
        }
        return Optional.empty();
    }

    @Override
    public void forget(SimNode node) {
        known.remove(node.id());
    }
}
