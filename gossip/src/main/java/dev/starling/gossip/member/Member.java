package dev.starling.gossip.member;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import dev.starling.gossip.Role;
import dev.starling.gossip.Statement;
import java.util.Objects;
import java.util.random.RandomGenerator;

/**
 * What is known of one node's membership (SWIM, Das et al. 2002, with boot generations).
 *
 * <p>The order of {@link #supersedes} is lexicographic over (boot, incarnation, status): only the member itself raises its
 * boot (each start of the agent, persisted) or its incarnation (to refute a suspicion), so the join of two views is a maximum on
 * a chain. {@code endpoint} and {@code role} belong to the (boot, incarnation) they came with.
 * Numbers grow by little at a time; {@link #MAX_GENERATION} bounds what a peer may claim, so that there is always a next one.
 *
 * <p>All but SUSPECT and DEAD is the member's own assertion, which it signs; those two are what others think of it.
 *
 * @param key       the member's public key, of which its id is the digest
 * @param signature the member's, over {@link #assertion}; empty before signing
 */
public record Member(NodeId id, Endpoint endpoint, Role role, long boot, long incarnation, MemberStatus status, Bytes key, Bytes signature) {
    public static final long MAX_GENERATION = Long.MAX_VALUE >>> 1;
    /** Two boots that begin from one number are told apart but for one case in so many. */
    private static final long BOOT_SPREAD = 1 << 20;

    public Member {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(endpoint, "endpoint");
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(status, "status");
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(signature, "signature");
        if (boot < 0 || boot > MAX_GENERATION || incarnation < 0 || incarnation > MAX_GENERATION) {
            throw new IllegalArgumentException("boot and incarnation must be 0 to 2^62, got " + boot + ", " + incarnation);
        }
    }

    /** Not signed yet. */
    public Member(NodeId id, Endpoint endpoint, Role role, long boot, long incarnation, MemberStatus status) {
        this(id, endpoint, role, boot, incarnation, status, Bytes.EMPTY, Bytes.EMPTY);
    }

    /** This node as it asserts itself. */
    public Member signedBy(NodeSigning own) {
        return new Member(id, endpoint, role, boot, incarnation, status, own.publicKey(), own.sign(assertion()));
    }

    /** What the member signs. Whether others suspect it or hold it for dead is not part of it; that it left is. */
    public byte[] assertion() {
        return new Statement("starling-member-1").text(id.value()).text(endpoint.host()).number(endpoint.port()).text(role.name())
                .number(boot).number(incarnation).flag(status == MemberStatus.LEFT).toBytes();
    }

    /** True where this says nothing of the member that {@code known} does not, except what others think of it. */
    boolean assertsTheSameAs(Member known) {
        return id.equals(known.id) && boot == known.boot && incarnation == known.incarnation && endpoint.equals(known.endpoint) && role == known.role
                && (status == MemberStatus.LEFT) == (known.status == MemberStatus.LEFT) && key.equals(known.key);
    }

    /**
     * The number of a node's next boot, where its disk remembers {@code last} (0 where it remembers nothing). Not a mere count: a disk that
     * was lost or put back to an older state would count again what had been counted, and two boots with one number cannot be told apart: of such a node's
     * record each peer keeps what it heard of first, and refuses the rest as forged. The clock makes that unlikely, and where it is behind (a board without
     * a battery for it) chance does; a number below one that the cluster knows is raised when it says so, by chance too: a disk that is lost twice would be raised to one number twice.
     */
    public static long nextBoot(long last, long wallMillis, RandomGenerator random) {
        return Math.min(MAX_GENERATION, Math.max(last + 1, Math.min(wallMillis, MAX_GENERATION - 1 - BOOT_SPREAD)) + random.nextLong(BOOT_SPREAD));
    }

    public boolean supersedes(Member other) {
        if (boot != other.boot) {
            return boot > other.boot;
        }
        if (incarnation != other.incarnation) {
            return incarnation > other.incarnation;
        }
        if (status != other.status) {
            return status.compareTo(other.status) > 0;
        }
        int byEndpoint = endpoint.compareTo(other.endpoint); // only for claims that two nodes with one key made: any fixed order will do
        return byEndpoint != 0 ? byEndpoint > 0 : role.compareTo(other.role) > 0;
    }

    /** The member's record began anew, but not the member: where a start or another disk is the cause, chance makes the step larger. */
    public boolean isRenewalOf(Member before) {
        return boot == before.boot + 1;
    }

    public Member with(MemberStatus newStatus) {
        return new Member(id, endpoint, role, boot, incarnation, newStatus, key, signature);
    }

    /** To be signed anew. */
    public Member withIncarnation(long newIncarnation) {
        return new Member(id, endpoint, role, boot, newIncarnation, MemberStatus.ALIVE);
    }
}
