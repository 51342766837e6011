package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.node.core.Document;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** At rest: each write that an operator was told is kept, or a later one of its object, or its deletion, is on every running node. */
public final class AcknowledgedWritesAreKept implements Invariant {
    private final Set<String> deleted = new TreeSet<>();

    /** The operator deleted it, and may find it gone. */
    public void deleted(String uid) {
        deleted.add(uid);
    }

    @Override
    public Optional<String> violation(Simulation cluster) {
        for (SimNode node : cluster.upNodes()) {
            Map<String, Long> has = new HashMap<>();
            for (List<Document> documents : node.core().snapshot().documents().values()) {
                documents.forEach(document -> has.put(document.uid(), document.object().generation()));
            }
            for (Map.Entry<String, Long> write : cluster.acknowledged().entrySet()) {
                Long generation = has.get(write.getKey());
                if (deleted.contains(write.getKey()) ? generation != null : generation == null || generation < write.getValue()) {
                    return Optional.of(node + " has " + (generation == null ? "nothing" : "generation " + generation) + " of "
                            + write.getKey() + (deleted.contains(write.getKey()) ? ", which was deleted"
                            : ", of which generation " + write.getValue() + " was acknowledged"));
                }
            }
        }
        return Optional.empty();
    }
}
