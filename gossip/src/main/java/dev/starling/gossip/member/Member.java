package dev.starling.gossip.member;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.util.Objects;

/**
 * What is known of one node's membership (SWIM, Das et al. 2002, with boot generations).
 *
 * <p>The order of {@link #supersedes} is lexicographic over (boot, incarnation, status): only the member itself raises its
 * boot (each start of the agent, persisted) or its incarnation (to refute a suspicion), so the join of two views is a maximum on
 * a chain. {@code endpoint} and {@code role} belong to the (boot, incarnation) they came with.
 */
public record Member(NodeId id, Endpoint endpoint, Role role, long boot, long incarnation, MemberStatus status) {
    public Member {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(endpoint, "endpoint");
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(status, "status");
    }

    public boolean supersedes(Member other) {
        if (boot != other.boot) {
            return boot > other.boot;
        }
        if (incarnation != other.incarnation) {
            return incarnation > other.incarnation;
        }
        return status.compareTo(other.status) > 0;
    }

    public Member with(MemberStatus newStatus) {
        return new Member(id, endpoint, role, boot, incarnation, newStatus);
    }

    public Member withIncarnation(long newIncarnation) {
        return new Member(id, endpoint, role, boot, newIncarnation, MemberStatus.ALIVE);
    }
}
