package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Always: the generation of an object that a node has never falls, and what a node has seen deleted it never sees live again. Over a
 * restart too, for what had reached its disk: a power cut may take what was not there yet, and then nobody was told that it is kept.
 */
public final class GenerationsNeverGoBack implements NodeInvariant {
    private static final class Seen {
        final EnumMap<Kind, List<Document>> lists = new EnumMap<>(Kind.class);
        final Map<String, Long> generations = new TreeMap<>();
        final Set<String> deleted = new TreeSet<>();
        long session = -1;
    }

    private final Map<NodeId, Seen> byNode = new TreeMap<>();

    @Override
    public void forget(SimNode node) {
        byNode.remove(node.id());
    }

    @Override
    public Optional<String> violation(Simulation cluster, SimNode node) {
        if (!node.hasAgent()) {
            return Optional.empty();
        }
        Seen seen = byNode.computeIfAbsent(node.id(), first -> new Seen());
        if (seen.session != node.session()) {
            seen.session = node.session();
            node.unsaved().forEach(uid -> {
                seen.deleted.remove(uid);
                seen.generations.remove(uid);
            });
            seen.lists.replaceAll((kind, list) -> list.stream().filter(document -> !node.unsaved().contains(document.uid())).toList());
        }
        for (Kind kind : Kind.values()) {
            List<Document> now = node.core().documents(kind);
            List<Document> before = seen.lists.put(kind, now);
            if (now == before) {
                continue;
            }
            Set<String> live = new TreeSet<>();
            for (Document document : now) {
                live.add(document.uid());
                Long generation = seen.generations.put(document.uid(), document.object().generation());
                if (generation != null && generation > document.object().generation()) {
                    return Optional.of(node + " had generation " + generation + " of " + document.uid() + " and now has "
                            + document.object().generation());
                }
                if (seen.deleted.contains(document.uid())) {
                    return Optional.of(node + " sees " + document.uid() + " again, which it had seen deleted");
                }
            }
            for (Document document : before == null ? List.<Document>of() : before) {
                if (!live.contains(document.uid())) {
                    seen.deleted.add(document.uid());
                }
            }
        }
        return Optional.empty();
    }
}
