package dev.starling.scheduler.model;

import dev.starling.gossip.NodeId;
import java.util.BitSet;
import java.util.Collections;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which slots of a job have done their work in one of its iterations, as one node knows it. A few nodes keep it for each job in their own
 * records, so that it outlives the nodes that did the work. Two of the same iteration join to their union; of different ones the later counts.
 *
 * @param replicas numbers of the completed slots of a replicated job; never changed once it is here
 * @param nodes    nodes that have completed theirs of a global job
 */
public record CompletedWork(String serviceUid, long iteration, BitSet replicas, SortedSet<NodeId> nodes) {
    public CompletedWork {
        nodes = Collections.unmodifiableSortedSet(nodes);
    }

    public static CompletedWork none(String serviceUid, long iteration) {
        return new CompletedWork(serviceUid, iteration, new BitSet(), Collections.emptySortedSet());
    }

    public boolean contains(Slot slot) {
        return slot.isGlobal() ? nodes.contains(slot.node()) : replicas.get(slot.index());
    }

    public boolean containsAll(CompletedWork other) {
        if (iteration != other.iteration) {
            return iteration > other.iteration;
        }
        BitSet more = (BitSet) other.replicas.clone();
        more.andNot(replicas);
        return more.isEmpty() && nodes.containsAll(other.nodes);
    }

    public CompletedWork join(CompletedWork other) {
        if (containsAll(other)) {
            return this;
        }
        if (iteration != other.iteration) {
            return other;
        }
        BitSet all = (BitSet) replicas.clone();
        all.or(other.replicas);
        SortedSet<NodeId> allNodes = new TreeSet<>(nodes);
        allNodes.addAll(other.nodes);
        return new CompletedWork(serviceUid, iteration, all, allNodes);
    }

    public CompletedWork with(Slot slot) {
        BitSet all = (BitSet) replicas.clone();
        SortedSet<NodeId> allNodes = new TreeSet<>(nodes);
        if (slot.isGlobal()) {
            allNodes.add(slot.node());
        } else {
            all.set(slot.index());
        }
        return new CompletedWork(serviceUid, iteration, all, allNodes);
    }

    public int size() {
        return replicas.cardinality() + nodes.size();
    }
}
