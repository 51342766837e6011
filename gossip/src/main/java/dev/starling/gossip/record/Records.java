package dev.starling.gossip.record;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import java.util.SortedMap;
import java.util.SortedSet;

/** Every node's record as this node knows it: node -> (boot generation, key -> (version, value or tombstone)). Read side. */
public interface Records {
    SortedSet<NodeId> nodes();

    /** The boot generation of {@code node}'s record, or 0 where none is known. */
    long boot(NodeId node);

    /** The live keys of {@code node}'s record, sorted; empty where none is known. Made anew for each call: for one key there is {@link #value}. */
    SortedMap<String, Bytes> of(NodeId node);

    /** What {@code key} of {@code node}'s record says; null where it is not there. */
    Bytes value(NodeId node, String key);
}
