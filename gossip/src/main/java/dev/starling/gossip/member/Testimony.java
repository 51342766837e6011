package dev.starling.gossip.member;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import dev.starling.gossip.Refusal;
import java.util.function.BiConsumer;
import java.util.function.Predicate;

/**
 * What a word about a member is worth, so that a node that was taken over can lie about itself and nothing else.
 *
 * <pre>
 *   said of a member                      taken if
 *   its address, role, boot, incarnation  it signed that itself
 *   it left                               it signed that itself
 *   it exists, which is news here         besides: it is the teller, or the teller is a manager, or a manager's document enrols it
 *   SUSPECT                               the accuser signed, and counts as one accuser
 *   DEAD                                  the teller is a manager and pushed it; else as the teller's own accusation
 *   it was removed                        the teller is a manager, or a manager's tombstone is here
 *   it answered somebody else's probe     it signed the prober's random number
 * </pre>
 */
final class Testimony {
    private final Members members;
    private final NodeSigning signing;
    private final Predicate<NodeId> enrolled;
    private final BiConsumer<NodeId, Refusal> refused;

    /**
     * @param enrolled whether the desired state has a live document of that node, which only a manager can write
     * @param refused  is told who told what cannot be taken, and why
     */
    Testimony(Members members, NodeSigning signing, Predicate<NodeId> enrolled, BiConsumer<NodeId, Refusal> refused) {
        this.members = members;
        this.signing = signing;
        this.enrolled = enrolled;
        this.refused = refused;
    }

    /** {@code claim} as it may be joined: over an assertion that the member signed. Null where it is old or refused. */
    Member admit(Member claim, Teller teller) {
        Member known = members.get(claim.id());
        if (known != null && claim.assertsTheSameAs(known)) {
            return known.with(claim.status()); // nothing but an opinion is new, and no second signature for one assertion gets in
        }
        if (known != null ? !claim.supersedes(known) : claim.boot() <= members.forgottenBoot(claim.id())) {
            return null;
        }
        if (known == null && !teller.isManager() && !teller.id().equals(claim.id()) && !enrolled.test(claim.id())) {
            refused.accept(teller.id(), Refusal.UNENROLLED_MEMBER);
            return null;
        }
        return isTrue(signing.signed(claim.id(), claim.key(), claim.assertion(), claim.signature()), teller, Refusal.FORGED_MEMBER) ? claim : null;
    }

    /** Whether the accuser said so; an accuser that is unknown here cannot be asked, and does not count. */
    boolean admits(Suspected suspicion, Teller teller) {
        Member accuser = members.get(suspicion.accuser());
        return accuser != null && isTrue(signing.signed(accuser.id(), accuser.key(), suspicion.statement(), suspicion.signature()), teller,
                Refusal.FORGED_SUSPICION);
    }

    boolean admits(Answer answer, Teller teller) {
        Member answering = members.get(answer.by());
        return answering != null && isTrue(signing.signed(answering.id(), answering.key(), answer.statement(), answer.signature()), teller,
                Refusal.FORGED_ANSWER);
    }

    private boolean isTrue(boolean signed, Teller teller, Refusal otherwise) {
        if (!signed) {
            refused.accept(teller.id(), otherwise);
        }
        return signed;
    }
}
