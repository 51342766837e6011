package dev.starling.scheduler.model;

import dev.starling.gossip.NodeId;

/** One place to run a task: (service, index from 1) or, for global services, (service, node). */
public record Slot(String serviceUid, int index, NodeId node) implements Comparable<Slot> {
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

    /** By service, then index, then node. Written out: sets of slots are what a scheduler's step spends its time in. */
    @Override
    public int compareTo(Slot other) {
        int byService = serviceUid == other.serviceUid ? 0 : serviceUid.compareTo(other.serviceUid); // mostly the same string
        int byIndex = byService != 0 ? byService : Integer.compare(index, other.index);
        return byIndex != 0 || node == null ? byIndex : node.compareTo(other.node); // with equal indexes both have a node or none has
    }

    @Override
    public String toString() {
        return serviceUid + "." + (node != null ? node.value() : Integer.toString(index));
    }
}
