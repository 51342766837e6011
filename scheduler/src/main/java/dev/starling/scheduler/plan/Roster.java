package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Rendezvous;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;

/** The nodes of a view, each with a place by which a plan names it: arrays over places are what makes planning for a thousand nodes fast. */
final class Roster {
    /** Where a node is not on the roster. */
    static final int ABSENT = -1;

    private final List<NodeView> nodes;
    /** Places by the hash of the node's id, in the next free of this array's cells; {@link #ABSENT} where there is none. A plan asks for each slot's node. */
    private final int[] table;
    /** Of each node's id, made ready for scores: see {@link Rendezvous#preparedScore}. */
    private final long[] prepared;

    Roster(SortedMap<NodeId, NodeView> ofView) {
        nodes = List.copyOf(ofView.values());
        prepared = new long[nodes.size()];
        table = new int[Integer.highestOneBit(Math.max(4, nodes.size())) * 4];
        Arrays.fill(table, ABSENT);
        for (int place = 0; place < prepared.length; place++) {
            table[cell(nodes.get(place).id())] = place;
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
        return table[cell(node)];
    }

    /** Where the node is, or would be. */
    private int cell(NodeId node) {
        int cell = node.value().hashCode() * 0x9e3779b9 >>> Integer.numberOfLeadingZeros(table.length - 1);
        while (table[cell] != ABSENT && !nodes.get(table[cell]).id().equals(node)) {
            cell = cell + 1 & table.length - 1;
        }
        return cell;
    }

    long[] prepared() {
        return prepared;
    }

    /** The same nodes at the same places, whatever is said of them. */
    boolean hasSamePlaces(Roster other) {
        boolean same = size() == other.size();
        for (int place = 0; same && place < prepared.length; place++) {
            same = node(place).id().equals(other.node(place).id());
        }
        return same;
    }
}
