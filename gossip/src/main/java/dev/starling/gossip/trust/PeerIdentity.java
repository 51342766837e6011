package dev.starling.gossip.trust;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.time.Instant;
import java.util.Objects;

/** Who a verified certificate says is at the other end. {@code validUntil} is when that certificate ends. */
public record PeerIdentity(NodeId id, Role role, String clusterId, Instant validUntil) {
    public PeerIdentity {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(clusterId, "clusterId");
        Objects.requireNonNull(validUntil, "validUntil");
    }
}
