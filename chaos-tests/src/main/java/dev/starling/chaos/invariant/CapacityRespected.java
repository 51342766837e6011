package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Task;
import java.util.Optional;
import java.util.TreeMap;

/** Always: what a node runs reserves no more than it has, whatever services and clients compete for it. */
public final class CapacityRespected implements Invariant {
    /** Reservations outlive their service: a container that is being stopped still holds them. */
    private final TreeMap<String, Resources> reservations = new TreeMap<>();

    @Override
    public Optional<String> violation(Simulation cluster) {
        for (SimNode node : cluster.upNodes()) {
            for (Document service : node.core().snapshot().documents().get(Kind.SERVICE)) {
                reservations.put(service.uid(), ServiceSpecReader.fromBody(service).reservations());
            }
        }
        for (SimNode node : cluster.nodes()) {
            Resources used = Resources.NONE;
            for (Task task : node.running()) {
                used = used.plus(reservations.getOrDefault(task.slot().serviceUid(), Resources.NONE));
            }
            if (!node.capacity().covers(used)) {
                return Optional.of(node + " runs tasks that reserve " + used + " and has " + node.capacity());
            }
        }
        return Optional.empty();
    }
}
