package dev.starling.scheduler.model;

import dev.starling.gossip.NodeId;
import java.util.Comparator;

/** One place to run a task: (service, index from 1) or, for global services, (service, node). */
public record Slot(String serviceUid, int index, NodeId node) implements Comparable<Slot> {
    private static final Comparator<Slot> ORDER = Comparator.comparing(Slot::serviceUid).thenComparingInt(Slot::index)
            .thenComparing(Slot::node, Comparator.nullsFirst(Comparator.naturalOrder()));

    public Slot {
        if ((index > 0) == (node != null)) {
            throw new IllegalArgumentException("a slot has an index from 1 or a node, got index " + index + ", node " + node);
        }
    }

    public static Slot replica(String serviceUid, int index) {
        return new Slot(serviceUid, index, null);
    }

    public static Slot global(String serviceUid, NodeId node) {
        return new Slot(serviceUid, 0, node);
    }

    public boolean isGlobal() {
        return node != null;
    }

    @Override
    public int compareTo(Slot other) {
        return ORDER.compare(this, other);
    }

    @Override
    public String toString() {
        return serviceUid + "." + (node != null ? node.value() : Integer.toString(index));
    }
}
