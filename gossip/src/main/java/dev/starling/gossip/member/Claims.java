package dev.starling.gossip.member;

import dev.starling.gossip.NodeId;
import java.util.random.RandomGenerator;

/**
 * What is said of the other members, and what follows from it: news is joined, suspicions open and close, and one whose time is over becomes
 * a death. How a claim is taken depends on where it comes from: first hand, pushed, or out of another view.
 */
final class Claims {
    /** How many of those who hear of a suspicion try for themselves. */
    private static final int CONFIRMERS = 4;

    private final Members members;
    private final OwnMembership own;
    private final Suspicions suspicions;
    private final ProbeOrder order;
    private final Probing probing;
    private final RandomGenerator random;
    private final Swim.Host host;

    Claims(Members members, OwnMembership own, Suspicions suspicions, ProbeOrder order, Probing probing, RandomGenerator random, Swim.Host host) {
        this.members = members;
        this.own = own;
        this.suspicions = suspicions;
        this.order = order;
        this.probing = probing;
        this.random = random;
        this.host = host;
    }

    /** {@code firstHand}: this node has it from nobody else, so it is for this node to tell. */
    void take(Member claim, boolean firstHand, long now) {
        if (claim.id().equals(own.self().id())) {
            own.heed(claim, now);
        } else {
            set(claim, firstHand, now);
        }
    }

    /**
     * A claim out of another view. A death in it may be stale: of two halves that meet again, each holds the other for dead. So the member is
     * suspected and asked rather than declared dead.
     */
    void learn(Member claim, long now) {
        Member known = members.get(claim.id());
        boolean doubtful = claim.status() == MemberStatus.DEAD && known != null && known.status().isUp() && !claim.id().equals(own.self().id());
        take(doubtful ? claim.with(MemberStatus.SUSPECT) : claim, false, now);
        Member after = members.get(claim.id());
        if (after != null && !after.equals(known) && after.status() == MemberStatus.SUSPECT) {
            probing.probe(after, now);
        }
    }

    /** Nobody got an answer from {@code target}. */
    void suspect(Member target, long now) {
        Member suspect = target.status() == MemberStatus.SUSPECT ? target : target.with(MemberStatus.SUSPECT);
        accuse(new Suspected(suspect, own.self().id()), true, now);
    }

    /** {@code suspicion} as its accuser told it, perhaps through others. */
    void hear(Suspected suspicion, long now) {
        if (!suspicion.accuser().equals(own.self().id())) {
            accuse(suspicion, false, now);
        }
    }

    private void accuse(Suspected suspicion, boolean firstHand, long now) {
        Member suspect = suspicion.suspect();
        if (suspect.id().equals(own.self().id())) {
            own.heed(suspect, now);
            return;
        }
        Member known = members.get(suspect.id());
        if (known == null || suspect.supersedes(known)) {
            if (!set(suspect, firstHand, now)) {
                return;
            }
            if (!firstHand && random.nextInt(Math.max(1, members.up().size())) < CONFIRMERS) {
                probing.probe(suspect, now);
            }
        } else if (!suspect.equals(known)) {
            return; // refuted or settled since
        }
        if (suspicions.accuse(suspect.id(), suspicion.accuser(), now)) {
            host.suspected(suspicion, firstHand);
        }
    }

    /** An operator removed a node: see {@link Forgotten}. True where it is news. */
    boolean hear(Forgotten removal) {
        if (removal.id().equals(own.self().id())) {
            return own.hear(removal);
        }
        Member before = members.get(removal.id());
        if (!members.join(removal)) {
            return false;
        }
        if (before != null && members.get(removal.id()) == null) {
            suspicions.close(removal.id());
            host.changed(before, null, false);
        }
        return true;
    }

    /** Asks suspects once more before their time is over, and gives the verdict on those where it is. */
    void tick(long now) {
        for (NodeId suspect = suspicions.pollToAsk(now); suspect != null; suspect = suspicions.pollToAsk(now)) {
            probing.ask(suspect);
        }
        for (NodeId suspect = suspicions.pollOver(now); suspect != null; suspect = suspicions.pollOver(now)) {
            set(members.get(suspect).with(MemberStatus.DEAD), true, now);
        }
    }

    private boolean set(Member claim, boolean firstHand, long now) {
        Member before = members.get(claim.id());
        if (!members.join(claim)) {
            return false;
        }
        if (before == null || before.boot() != claim.boot()) {
            probing.introduceAgainTo(claim.id());
        }
        if (claim.status().isUp() && (before == null || !before.status().isUp())) {
            order.add(claim.id(), members);
        }
        suspicions.close(claim.id());
        if (claim.status() == MemberStatus.SUSPECT) {
            suspicions.open(claim.id(), Math.max(0, members.up().size() - 1), now); // witnesses: the others without the suspect
        }
        host.changed(before, claim, firstHand);
        return true;
    }
}
