package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Rendezvous;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The nodes of a view, each with a place by which a plan names it: arrays over places are what makes planning for a thousand nodes fast. */
final class Roster {
    /** Where a node is not on the roster. */
    static final int ABSENT = -1;

    private final List<NodeView> nodes;
    private final SortedMap<NodeId, Integer> places = new TreeMap<>();
    /** Of each node's id, made ready for scores: see {@link Rendezvous#preparedScore}. */
    private final long[] prepared;

    Roster(SortedMap<NodeId, NodeView> ofView) {
        nodes = List.copyOf(ofView.values());
        prepared = new long[nodes.size()];
        for (int place = 0; place < prepared.length; place++) {
            places.put(nodes.get(place).id(), place);
            prepared[place] = Rendezvous.prepared(Rendezvous.hash(nodes.get(place).id().value()));
        }
    }

    int size() {
        return prepared.length;
    }

    List<NodeView> nodes() {
        return nodes;
    }

    NodeView node(int place) {
        return nodes.get(place);
    }

    int place(NodeId node) {
        return places.getOrDefault(node, ABSENT);
    }

    long[] prepared() {
        return prepared;
    }

    /** The same nodes at the same places, whatever is said of them. */
    boolean hasSamePlaces(Roster other) {
        return places.equals(other.places);
    }
}
