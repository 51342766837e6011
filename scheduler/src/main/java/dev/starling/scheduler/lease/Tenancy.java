package dev.starling.scheduler.lease;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.Slot;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * One slot as the node sees it that wants to run it. Immutable; each input makes a new one.
 *
 * <pre>
 *   ask all stewards --majority--> hold, ask again each renewMillis ----no majority for holdMillis----> stopped; a new term
 *        |  |                        |
 *        |  +--some had accepted a   +--stewards are to change: propose--majority accepts--> ask the next ones, by handover
 *        |     proposal: complete it first
 *        +--majority impossible, or refused by some and no majority until the next asking (of five stewards one is down, and two nodes have two
 *           votes each: neither would ever get a third)--> give back what was granted, try again with a new term
 * </pre>
 *
 * @param stewards    asked now
 * @param term        0 where a new one is to be chosen
 * @param seen        the highest term heard of
 * @param round       number of the last asking, and {@code askedAt} its time
 * @param grants      of this round
 * @param refusals    of this round
 * @param inherited   the newest proposal of an earlier term that a grant of this term told of; null for none
 * @param joined      a majority has voted in this term and epoch
 * @param mustMove    that majority told of a proposal, and nothing may run before it is completed
 * @param proposed    the next stewards, while they are being decided on; null otherwise
 * @param acceptances of {@code proposed} in this term
 * @param handover    these stewards were decided on in this term, and they have not voted yet
 * @param leasedUntil the votes count until then
 * @param heldUntil   a container may run until then
 * @param askAt       when it asks again
 */
public record Tenancy(
        NodeId self, Slot slot, Stewards stewards, long term, long seen, long round, long askedAt, SortedSet<NodeId> grants,
        SortedSet<NodeId> refusals, Proposal inherited, boolean joined, boolean mustMove, Stewards proposed, SortedSet<NodeId> acceptances,
        boolean handover, long leasedUntil, long heldUntil, long askAt) {
    private static final SortedSet<NodeId> NOBODY = Collections.unmodifiableSortedSet(new TreeSet<>());

    /** To be sent to each of {@code to}. */
    public record Letter(Collection<NodeId> to, LeaseMessage message) {}

    /** What became of it, and what it says. */
    public record Step(Tenancy after, List<Letter> letters) {}

    public static Tenancy of(NodeId self, Slot slot, Stewards stewards, long now) {
        return new Tenancy(self, slot, stewards, 0, 0, 0, now, NOBODY, NOBODY, null, false, false, null, NOBODY, false, 0, 0, now);
    }

    public boolean holds(long now) {
        return heldUntil > now;
    }

    /** Asks when it is time to. @param target the stewards there should be; the present ones if they are to stay */
    public Step tick(long now, long wallMillis, Stewards target, LeaseConfig config) {
        if (now < askAt || stewards.nodes().isEmpty()) {
            return new Step(this, List.of());
        }
        if (term != 0 && !joined && !handover && !refusals.isEmpty()) {
            return giveBack(now, config);
        }
        Draft draft = new Draft(this);
        boolean lapsed = (joined || handover) && leasedUntil <= now;
        if (term == 0 || lapsed) {
            draft.newTerm(Math.max(seen + 1, wallMillis));
        } else if (joined && !handover && !mustMove && holds(now) && proposed == null && target.epoch() == stewards.epoch() + 1) {
            draft.propose(target);
        }
        return draft.ask(now, config);
    }

    /** Takes an answer of a steward; what belongs to another round, term or epoch says nothing now. */
    public Step hear(NodeId from, LeaseMessage message, long now, LeaseConfig config) {
        if (message instanceof LeaseMessage.Granted granted) {
            boolean current = granted.round() == round && granted.epoch() == stewards.epoch() && granted.term() == term;
            return current ? granted(from, granted, now, config) : new Step(this, List.of());
        }
        if (message instanceof LeaseMessage.Refused refused) {
            return refused(from, refused, now, config);
        }
        if (message instanceof LeaseMessage.Accepted accepted && proposed != null && accepted.epoch() == stewards.epoch() && accepted.term() == term) {
            return accepted(from, now, config);
        }
        return new Step(this, List.of());
    }

    private Step granted(NodeId from, LeaseMessage.Granted granted, long now, LeaseConfig config) {
        Draft draft = new Draft(this);
        draft.grants = with(grants, from);
        Proposal told = granted.accepted();
        if (!joined && told != null && told.term() < term && (inherited == null || told.term() > inherited.term())) {
            draft.inherited = told;
        }
        if (!stewards.isMajority(draft.grants)) {
            return draft.step();
        }
        draft.leasedUntil = askedAt + config.holdMillis();
        draft.handover = false;
        if (!joined) {
            draft.joined = true;
            draft.mustMove = draft.inherited != null;
            if (draft.mustMove) {
                draft.propose(draft.inherited.next());
                draft.askAt = now;
            }
        }
        if (!draft.mustMove) {
            draft.heldUntil = draft.leasedUntil;
        }
        return draft.step();
    }

    private Step refused(NodeId from, LeaseMessage.Refused refused, long now, LeaseConfig config) {
        Draft draft = new Draft(this);
        draft.seen = Math.max(seen, refused.term());
        if (refused.stewards().epoch() > stewards.epoch()) {
            draft.follow(refused.stewards(), now);
            return draft.step();
        }
        if (refused.round() != round) {
            return draft.step();
        }
        draft.refusals = with(refusals, from);
        if (joined || handover && leasedUntil > now || !stewards.isLost(draft.refusals)) {
            return draft.step(); // what is held ends by itself if it has to
        }
        return draft.build().giveBack(now, config);
    }

    /** Nothing has run by this term. Another is tried after a while that differs from node to node. */
    private Step giveBack(long now, LeaseConfig config) {
        Draft draft = new Draft(this);
        long jitter = Long.remainderUnsigned(Rendezvous.score(Rendezvous.hash(self.value()), round), config.retryMillis() + 1);
        draft.forgetTerm(now + config.retryMillis() + jitter);
        return new Step(draft.build(), release());
    }

    private Step accepted(NodeId from, long now, LeaseConfig config) {
        Draft draft = new Draft(this);
        draft.acceptances = with(acceptances, from);
        if (!stewards.isMajority(draft.acceptances)) {
            return draft.step();
        }
        draft.stewards = proposed;
        draft.proposed = null;
        draft.acceptances = NOBODY;
        draft.inherited = null;
        draft.joined = false;
        draft.mustMove = false;
        draft.handover = true;
        return draft.ask(now, config);
    }

    /** The newest stewards, as another node's record tells. */
    public Tenancy learn(Stewards newer, long now) {
        if (newer.epoch() <= stewards.epoch()) {
            return this;
        }
        Draft draft = new Draft(this);
        draft.follow(newer, now);
        return draft.build();
    }

    /** It is wanted no more, and its container has ended. */
    public List<Letter> release() {
        return term == 0 ? List.of() : List.of(new Letter(stewards.nodes(), new LeaseMessage.Release(slot, stewards.epoch(), term)));
    }

    /** When {@link #tick} has something to do, or what is held ends. */
    public long nextTick(long now) {
        return holds(now) ? Math.min(askAt, heldUntil) : askAt;
    }

    private static SortedSet<NodeId> with(SortedSet<NodeId> nodes, NodeId node) {
        SortedSet<NodeId> all = new TreeSet<>(nodes);
        all.add(node);
        return Collections.unmodifiableSortedSet(all);
    }

    /** The next one in the making. */
    private static final class Draft {
        private final Tenancy before;
        private Stewards stewards;
        private long term;
        private long seen;
        private long round;
        private long askedAt;
        private SortedSet<NodeId> grants;
        private SortedSet<NodeId> refusals;
        private Proposal inherited;
        private boolean joined;
        private boolean mustMove;
        private Stewards proposed;
        private SortedSet<NodeId> acceptances;
        private boolean handover;
        private long leasedUntil;
        private long heldUntil;
        private long askAt;

        Draft(Tenancy before) {
            this.before = before;
            stewards = before.stewards;
            term = before.term;
            seen = before.seen;
            round = before.round;
            askedAt = before.askedAt;
            grants = before.grants;
            refusals = before.refusals;
            inherited = before.inherited;
            joined = before.joined;
            mustMove = before.mustMove;
            proposed = before.proposed;
            acceptances = before.acceptances;
            handover = before.handover;
            leasedUntil = before.leasedUntil;
            heldUntil = before.heldUntil;
            askAt = before.askAt;
        }

        void newTerm(long newTerm) {
            forgetTerm(askAt);
            term = newTerm;
            seen = Math.max(seen, newTerm);
        }

        void forgetTerm(long next) {
            term = 0;
            inherited = null;
            joined = false;
            mustMove = false;
            proposed = null;
            acceptances = NOBODY;
            handover = false;
            leasedUntil = 0;
            askAt = next;
        }

        /** What is held by the old votes may still be: it ends with them. */
        void follow(Stewards newer, long now) {
            stewards = newer;
            forgetTerm(now);
        }

        void propose(Stewards next) {
            proposed = next;
            acceptances = NOBODY;
        }

        Step ask(long now, LeaseConfig config) {
            boolean byHandover = handover && leasedUntil > now;
            round++;
            askedAt = now;
            askAt = now + config.renewMillis();
            grants = NOBODY;
            refusals = NOBODY;
            List<Letter> letters = new ArrayList<>();
            letters.add(new Letter(stewards.nodes(), new LeaseMessage.Ask(before.slot, round, stewards, term, byHandover)));
            if (proposed != null) {
                letters.add(new Letter(stewards.nodes(), new LeaseMessage.Propose(before.slot, stewards.epoch(), term, proposed)));
            }
            return new Step(build(), List.copyOf(letters));
        }

        Step step() {
            return new Step(build(), List.of());
        }

        Tenancy build() {
            return new Tenancy(before.self, before.slot, stewards, term, seen, round, askedAt, grants, refusals, inherited, joined, mustMove,
                    proposed, acceptances, handover, leasedUntil, heldUntil, askAt);
        }
    }
}
