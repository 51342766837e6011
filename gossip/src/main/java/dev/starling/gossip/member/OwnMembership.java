package dev.starling.gossip.member;

import dev.starling.gossip.NodeSigning;
import java.util.random.RandomGenerator;

/**
 * This node as a member: the one entry that only it may raise. What others claim of it and is not so, it outranks (refutes) with a higher
 * incarnation, or with a higher boot where the claim is of a boot that this node never had.
 */
final class OwnMembership {
    private final Members members;
    private final Awareness awareness;
    private final RandomGenerator random;
    private final NodeSigning signing;
    private final Swim.Host host;
    private final long probeTimeout;
    private Member self;
    private Member claimAboutSelf;
    private long refuteNotBefore = Long.MIN_VALUE;

    OwnMembership(Member self, Members members, Awareness awareness, RandomGenerator random, NodeSigning signing, Swim.Host host, long probeTimeout) {
        this.self = self.signedBy(signing);
        this.signing = signing;
        this.members = members;
        this.random = random;
        this.awareness = awareness;
        this.host = host;
        this.probeTimeout = probeTimeout;
        members.join(this.self);
    }

    Member self() {
        return self;
    }

    boolean hasLeft() {
        return self.status() == MemberStatus.LEFT;
    }

    /** When {@link #refuteIfDue} wants to be called; Long.MAX_VALUE for never. */
    long nextRefutation() {
        return claimAboutSelf == null ? Long.MAX_VALUE : refuteNotBefore;
    }

    /** What somebody says of this node. */
    void heed(Member claim, long now) {
        if (claim.supersedes(self) && !hasLeft() && (claimAboutSelf == null || claim.supersedes(claimAboutSelf))) {
            claimAboutSelf = claim;
            refuteIfDue(now);
        }
    }

    /**
     * Outranks what is claimed of this node. At most once per probe timeout: where two machines run with one key (a cloned disk), they would
     * otherwise outbid each other as fast as the network carries.
     */
    void refuteIfDue(long now) {
        if (claimAboutSelf == null || now < refuteNotBefore) {
            return;
        }
        Member claim = claimAboutSelf;
        claimAboutSelf = null;
        if (!claim.supersedes(self) || hasLeft()) {
            return;
        }
        refuteNotBefore = now + probeTimeout;
        if (claim.boot() == self.boot() && claim.incarnation() < Member.MAX_GENERATION) {
            if (claim.status() != MemberStatus.ALIVE) {
                awareness.worsen(1); // others did not get our answers in time
            }
            become(self.withIncarnation(claim.incarnation() + 1));
        } else if (claim.boot() < Member.MAX_GENERATION) { // a clone, or a disk older than what the cluster remembers
            become(new Member(self.id(), self.endpoint(), self.role(), above(claim.boot()), 0, MemberStatus.ALIVE));
        }
    }

    /** An operator removed this node up to {@code removal}'s boot: it goes on as a new one. True where the removal is news to keep. */
    boolean hear(Forgotten removal) {
        if (removal.boot() >= self.boot() && removal.boot() < Member.MAX_GENERATION) {
            become(new Member(self.id(), self.endpoint(), self.role(), above(removal.boot()), 0, self.status()));
        }
        return removal.boot() < self.boot() && members.join(removal);
    }

    /**
     * Others know more of this node's record under {@code boot} than it has written itself: another disk of this node wrote that, and what
     * both wrote under one boot cannot be told apart. So it goes on under the next one.
     */
    void outbidBoot(long boot) {
        if (boot >= self.boot() && boot < Member.MAX_GENERATION && !hasLeft()) {
            become(new Member(self.id(), self.endpoint(), self.role(), above(boot), 0, MemberStatus.ALIVE));
        }
    }

    /** This node's record begins anew under the next boot. No other disk has to be told apart from, so it is just one more: see {@link Member#isRenewalOf}. */
    void renewBoot() {
        if (self.boot() < Member.MAX_GENERATION && !hasLeft()) {
            become(new Member(self.id(), self.endpoint(), self.role(), self.boot() + 1, 0, MemberStatus.ALIVE));
        }
    }

    /** Says goodbye for good. */
    void leave() {
        become(self.with(MemberStatus.LEFT));
        claimAboutSelf = null;
    }

    private long above(long boot) {
        return Member.nextBoot(boot, 0, random);
    }

    private void become(Member next) {
        Member before = self;
        self = next.signedBy(signing);
        members.join(self);
        host.changed(before, self, true);
    }
}
