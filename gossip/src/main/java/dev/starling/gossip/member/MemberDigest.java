package dev.starling.gossip.member;

import dev.starling.gossip.NodeId;
import java.util.Comparator;
import java.util.Objects;

/** Where a view stands with one member: enough to say who knows more. Of one id, the greater supersedes. */
public record MemberDigest(NodeId id, long boot, long incarnation, MemberStatus status) implements Comparable<MemberDigest> {
    private static final Comparator<MemberDigest> ORDER = Comparator.comparing(MemberDigest::id).thenComparingLong(MemberDigest::boot)
            .thenComparingLong(MemberDigest::incarnation).thenComparing(MemberDigest::status);

    public MemberDigest {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(status, "status");
    }

    public static MemberDigest of(Member member) {
        return new MemberDigest(member.id(), member.boot(), member.incarnation(), member.status());
    }

    @Override
    public int compareTo(MemberDigest other) {
        return ORDER.compare(this, other);
    }
}
