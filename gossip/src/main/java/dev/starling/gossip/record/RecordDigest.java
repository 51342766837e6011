package dev.starling.gossip.record;

import dev.starling.gossip.NodeId;
import java.util.Objects;

/** How far a view of {@code node}'s record reaches: all changes of this boot up to {@code version}. Version 0: nothing is known. */
public record RecordDigest(NodeId node, long boot, long version) {
    public RecordDigest {
        Objects.requireNonNull(node, "node");
    }

    /** True where a view at this point has something for one that is at {@code other}. */
    public boolean isAheadOf(RecordDigest other) {
        return boot != other.boot ? boot > other.boot : version > other.version;
    }
}
