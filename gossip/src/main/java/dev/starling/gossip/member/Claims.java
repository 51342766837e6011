package dev.starling.gossip.member;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * What is said of the other members, and what follows from it: news is joined, suspicions open and close, and one whose time is over becomes
 * a death. How a claim is taken depends on where it comes from: first hand, pushed, or out of another view. What others tell goes through
 * {@link Testimony} first: a node that was taken over can lie about itself and nothing else.
 */
final class Claims {
    /** How many of those who hear of a suspicion try for themselves. */
    private static final int CONFIRMERS = 4;
    /** A death that so many workers have told of is not told again: as many accusers bring each suspicion to its end. */
    private static final int ENOUGH_TELLERS = 3;

    private final Members members;
    private final OwnMembership own;
    private final Suspicions suspicions;
    private final ProbeOrder order;
    private final Probing probing;
    private final RandomGenerator random;
    private final NodeSigning signing;
    private final Testimony testimony;
    /** How many have told of a suspect that it is dead. */
    private final TreeMap<NodeId, Integer> toldDead = new TreeMap<>();
    private final Swim.Host host;

    Claims(Members members, OwnMembership own, Suspicions suspicions, ProbeOrder order, Probing probing, RandomGenerator random, NodeSigning signing,
            Testimony testimony, Swim.Host host) {
        this.members = members;
        this.own = own;
        this.suspicions = suspicions;
        this.order = order;
        this.probing = probing;
        this.random = random;
        this.signing = signing;
        this.testimony = testimony;
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

    /** A claim that was pushed. A death is taken as it is from a manager; out of a worker's mouth it is that worker's accusation. */
    void hear(Member claim, Teller teller, long now) {
        Member admitted = testimony.admit(claim, teller);
        if (admitted == null) {
            return;
        }
        if (!isDeathOfOneWhoIsUp(admitted) || teller.isManager()) {
            take(admitted, false, now);
        } else if (doubt(admitted.with(MemberStatus.SUSPECT), now)) {
            toldDead.merge(admitted.id(), 1, Integer::sum);
            suspicions.accuse(admitted.id(), teller.id(), now); // its word to this node, not to be told on: it did not sign it
        }
    }

    /**
     * A claim out of another view. A death in it may be stale: of two halves that meet again, each holds the other for dead. So the member is
     * suspected and asked rather than declared dead.
     */
    void learn(Member claim, Teller teller, long now) {
        Member admitted = testimony.admit(claim, teller);
        if (admitted == null) {
            return;
        }
        if (isDeathOfOneWhoIsUp(admitted) || admitted.status() == MemberStatus.SUSPECT && !admitted.id().equals(own.self().id())) {
            doubt(admitted.with(MemberStatus.SUSPECT), now);
        } else {
            take(admitted, false, now);
        }
    }

    private boolean isDeathOfOneWhoIsUp(Member claim) {
        return claim.status() == MemberStatus.DEAD && members.isUp(claim.id());
    }

    /** Suspects and asks; true where {@code suspect} is what is held of it afterwards. */
    private boolean doubt(Member suspect, long now) {
        if (set(suspect, false, now)) {
            probing.probe(suspect, now);
        }
        return suspect.equals(members.get(suspect.id()));
    }

    /** Nobody got an answer from {@code target}. */
    void suspect(Member target, long now) {
        accuse(Suspected.by(own.self().id(), target.with(MemberStatus.SUSPECT), signing), true, now);
    }

    /** {@code suspicion} as its accuser told it, perhaps through others. */
    void hear(Suspected suspicion, Teller teller, long now) {
        Member suspect = suspicion.accuser().equals(own.self().id()) ? null : testimony.admit(suspicion.suspect(), teller);
        if (suspect != null && (!weighs(suspect, suspicion.accuser()) || testimony.admits(suspicion, teller))) {
            accuse(new Suspected(suspect, suspicion.accuser(), suspicion.signature()), false, now);
        }
    }

    /** Whether an accusation by {@code accuser} would change anything here: only then its signature is worth a check. */
    private boolean weighs(Member suspect, NodeId accuser) {
        Member known = members.get(suspect.id());
        return !suspect.id().equals(own.self().id())
                && (known == null || suspect.supersedes(known) || suspect.equals(known) && suspicions.counts(suspect.id(), accuser));
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

    /** An operator removed a node: see {@link Forgotten}; it is proven. True where it is news. */
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
            toldDead.remove(removal.id());
            probing.introduceAgainTo(removal.id());
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
            set(members.get(suspect).with(MemberStatus.DEAD), toldDead.getOrDefault(suspect, 0) < ENOUGH_TELLERS, now);
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
        toldDead.remove(claim.id());
        if (claim.status() == MemberStatus.SUSPECT) {
            suspicions.open(claim.id(), Math.max(0, members.up().size() - 1), now); // witnesses: the others without the suspect
        }
        host.changed(before, claim, firstHand);
        return true;
    }

    /** This node leaves: nobody is under suspicion any more. */
    void stop() {
        suspicions.closeAll();
        toldDead.clear();
    }
}
