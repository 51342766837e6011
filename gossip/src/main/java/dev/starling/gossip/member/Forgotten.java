package dev.starling.gossip.member;

import dev.starling.gossip.NodeId;
import java.util.Objects;

/** An operator removed the node: whatever is said of it up to this boot generation is void. The highest boot wins, so this never goes back. */
public record Forgotten(NodeId id, long boot) {
    public Forgotten {
        Objects.requireNonNull(id, "id");
    }
}
