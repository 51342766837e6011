package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.View;
import java.util.Optional;
import java.util.TreeMap;

/**
 * At rest, some time after: a replicated service that asks nothing of its nodes has as many tasks on each, give or take one. Not of
 * services that are not to be moved, or of which a slot has ended for good; and nodes that take none now do not count.
 */
public final class TasksAreEven implements Invariant {
    @Override
    public Optional<String> violation(Simulation cluster) {
        View view = cluster.upNodes().get(0).core().view();
        for (ServiceSpec service : view.services().values()) {
            if (!ServicesAreSettled.isUndemanding(service) || !service.site().rebalance()) {
                continue;
            }
            TreeMap<String, Integer> counts = new TreeMap<>();
            for (SimNode node : cluster.upNodes()) {
                NodeView known = view.nodes().get(node.id());
                if (known != null && known.ready() && known.availability() == Availability.ACTIVE) {
                    counts.put(node.id().value(), (int) node.running().stream().filter(task -> task.slot().serviceUid().equals(service.uid())).count());
                }
            }
            int most = counts.values().stream().mapToInt(count -> count).max().orElse(0);
            int least = counts.values().stream().mapToInt(count -> count).min().orElse(0);
            int slots = ((ServiceSpec.Mode.Replicated) service.mode()).replicas();
            boolean all = cluster.upNodes().stream().flatMap(node -> node.running().stream()).filter(task -> task.slot().serviceUid().equals(service.uid())).count() == slots;
            if (all && most - least > 1) {
                return Optional.of("the tasks of " + service.name() + " are not spread evenly: " + counts + moves(view, service));
            }
        }
        return Optional.empty();
    }

    private static String moves(View view, ServiceSpec service) {
        StringBuilder text = new StringBuilder();
        view.tasks().values().forEach(tasks -> tasks.stream().filter(task -> task.slot().serviceUid().equals(service.uid()))
                .forEach(task -> text.append("\n    ").append(task.node()).append(": slot ").append(task.slot().index()).append(' ').append(task.state())
                        .append(", claimed ").append(task.claimed().wallMillis()).append(task.movesTo() == null ? "" : ", moves to " + task.movesTo())
                        .append(' ').append(task.message()).append(' ').append(task.error())));
        return text.toString();
    }
}
