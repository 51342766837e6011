package dev.starling.gossip.member;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.util.Objects;

/** Who is at the other end of the connection over which something was told, by its certificate. */
public record Teller(NodeId id, Role role) {
    public Teller {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(role, "role");
    }

    /** Managers issue certificates and remove nodes; what a worker says of that needs a proof. */
    boolean isManager() {
        return role == Role.MANAGER;
    }
}
