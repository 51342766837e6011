package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** At rest: each write that an operator was told is kept, or a later one of its object, or its deletion, is on every running node. */
public final class AcknowledgedWritesAreKept implements Invariant {
    private final Supplier<? extends Set<String>> deletions;

    /** @param deletions uids of the objects that the operator has asked to delete; those may be gone, and must be if that was acknowledged */
    public AcknowledgedWritesAreKept(Supplier<? extends Set<String>> deletions) {
        this.deletions = deletions;
    }

    /** Nobody deletes anything. */
    public AcknowledgedWritesAreKept() {
        this(Set::of);
    }

    @Override
    public Optional<String> violation(Simulation cluster) {
        Set<String> deleted = deletions.get();
        for (SimNode node : cluster.upNodes()) {
            Map<String, Long> has = new HashMap<>();
            for (List<Document> documents : documents(node)) {
                documents.forEach(document -> has.put(document.uid(), document.object().generation()));
            }
            for (Map.Entry<String, Long> write : cluster.acknowledged().entrySet()) {
                Long generation = has.get(write.getKey());
                boolean kept = generation == null ? deleted.contains(write.getKey()) : generation >= write.getValue();
                if (!kept) {
                    return Optional.of(node + " has " + (generation == null ? "nothing" : "generation " + generation) + " of "
                            + write.getKey() + ", of which generation " + write.getValue() + " was acknowledged");
                }
            }
        }
        return Optional.empty();
    }

    private static List<List<Document>> documents(SimNode node) {
        return Arrays.stream(Kind.values()).map(node.core()::documents).toList();
    }
}
