package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.node.core.Document;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Always, restarts included: an object that a node has seen deleted is never seen live by it again, and its generation never falls. (A node
 * that loses its disk starts anew: tell {@link #forget}.)
 */
public final class GenerationsNeverGoBack implements Invariant {
    private final Map<SimNode, TreeMap<String, Long>> highest = new TreeMap<>(java.util.Comparator.comparing(SimNode::id));
    private final Map<SimNode, TreeSet<String>> live = new TreeMap<>(java.util.Comparator.comparing(SimNode::id));
    private final Map<SimNode, TreeSet<String>> gone = new TreeMap<>(java.util.Comparator.comparing(SimNode::id));

    public void forget(SimNode node) {
        highest.remove(node);
        live.remove(node);
        gone.remove(node);
    }

    @Override
    public Optional<String> violation(Simulation cluster) {
        for (SimNode node : cluster.upNodes()) {
            TreeMap<String, Long> seen = highest.computeIfAbsent(node, key -> new TreeMap<>());
            TreeSet<String> now = new TreeSet<>();
            for (List<Document> documents : node.core().snapshot().documents().values()) {
                for (Document document : documents) {
                    now.add(document.uid());
                    Long before = seen.put(document.uid(), document.object().generation());
                    if (before != null && before > document.object().generation()) {
                        return Optional.of(node + " had generation " + before + " of " + document.uid() + " and now has "
                                + document.object().generation());
                    }
                }
            }
            TreeSet<String> deleted = gone.computeIfAbsent(node, key -> new TreeSet<>());
            for (String uid : live.getOrDefault(node, new TreeSet<>())) {
                if (!now.contains(uid)) {
                    deleted.add(uid);
                }
            }
            for (String uid : now) {
                if (deleted.contains(uid)) {
                    return Optional.of(node + " sees " + uid + " again, which it had seen deleted");
                }
            }
            live.put(node, now);
        }
        return Optional.empty();
    }

}
