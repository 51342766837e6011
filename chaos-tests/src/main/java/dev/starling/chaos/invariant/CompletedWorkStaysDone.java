package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Always: a node claims no slot of a job that it knew to be done before, however many nodes died, were removed or lost their disks since. What it
 * knew it may forget when its agent ends, and when the job is written anew (another number of completions, another iteration).
 */
public final class CompletedWorkStaysDone implements NodeInvariant {
    private static final class Known {
        long session;
        final TreeMap<String, ServiceSpec.Mode> modes = new TreeMap<>();
        final TreeSet<String> done = new TreeSet<>();
        final TreeSet<String> claimed = new TreeSet<>();
        List<Task> tasks;
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
        }
        List<Task> tasks = node.core().tasks(node.id());
        if (tasks == here.tasks) {
            return Optional.empty();
        }
        here.tasks = tasks;
        for (Task task : tasks) {
            if (task.iteration() > 0 && here.claimed.add(task.id()) && here.done.contains(task.slot() + " " + task.iteration())) {
                return Optional.of(node + " claims " + task.slot() + " of iteration " + task.iteration() + ", which it knew to be done");
            }
        }
        for (ServiceSlots slots : jobs(node)) {
            ServiceSpec service = slots.service();
            if (!service.mode().equals(here.modes.put(service.uid(), service.mode()))) {
                here.done.removeIf(slot -> slot.startsWith(service.uid()));
            }
            slots.wanted().values().stream().filter(state -> state.completed())
                    .forEach(state -> here.done.add(state.slot() + " " + service.iteration()));
        }
        return Optional.empty();
    }

    private static List<ServiceSlots> jobs(SimNode node) {
        if (node.core().view().services().values().stream().noneMatch(ServiceSpec::isJob)) {
            return new ArrayList<>();
        }
        return SlotTable.of(node.core().view()).byAge().stream().filter(slots -> slots.service().isJob()).toList();
    }

    @Override
    public void forget(SimNode node) {
        known.remove(node.id());
    }
}
