package dev.starling.scheduler.lease;

import dev.starling.gossip.NodeId;

/**
 * One slot as one of its stewards sees it. Immutable; each message makes a new one.
 *
 * <pre>
 *   Ask, older epoch               refused, and told the newer
 *   Ask, newer epoch               adopted; from now on a lease long only a handover is heard
 *   Ask, same holder and term      granted: it is the newest promise, so nobody else has this vote
 *   Ask, higher term, vote free    granted: promise first, then the lease runs
 *   Propose, term and holder mine  accepted
 *   Release, term and holder mine  the vote is free at once
 * </pre>
 *
 * @param promise         null before the first
 * @param leasedUntil     votes for nobody but the holder before this; monotonic milliseconds
 * @param quarantineUntil votes for nobody new but by handover before this: a holder by the epoch before may still run
 */
public record Vote(Promise promise, long leasedUntil, long quarantineUntil) {
    /** @param reply null where nothing is to be said */
    public record Answer(Vote after, LeaseMessage reply) {}

    /** Of a steward that started at {@code startedAt}, with what its disk had: when it voted it has forgotten, so it waits a lease. */
    public static Vote restored(Promise promise, long startedAt, LeaseConfig config) {
        return new Vote(promise, startedAt + config.leaseMillis(), startedAt);
    }

    public Answer hear(NodeId self, NodeId from, LeaseMessage message, long now, LeaseConfig config) {
        if (message instanceof LeaseMessage.Ask ask) {
            return ask.stewards().nodes().contains(self) ? asked(from, ask, now, config) : new Answer(this, null);
        }
        if (message instanceof LeaseMessage.Propose propose) {
            return proposed(from, propose);
        }
        if (message instanceof LeaseMessage.Release release) {
            return released(from, release, now);
        }
        return new Answer(this, null);
    }

    private Answer asked(NodeId from, LeaseMessage.Ask ask, long now, LeaseConfig config) {
        if (promise != null && (ask.stewards().epoch() < promise.stewards().epoch()
                || ask.stewards().epoch() == promise.stewards().epoch() && !ask.stewards().equals(promise.stewards()))) {
            return new Answer(this, refusal(ask, promise));
        }
        if (promise == null || ask.stewards().epoch() > promise.stewards().epoch()) {
            return adopted(from, ask, now, config).grantOrRefuse(from, ask, now, config);
        }
        return grantOrRefuse(from, ask, now, config);
    }

    /** Its holder in the old epoch counts no more: only a handover may say that it still does. */
    private Vote adopted(NodeId from, LeaseMessage.Ask ask, long now, LeaseConfig config) {
        boolean hadVote = promise != null && from.equals(promise.holder()) && ask.term() == promise.term() && ask.handover();
        Promise next = new Promise(ask.stewards(), promise == null ? 0 : promise.term(), hadVote ? from : null, null);
        long quarantine = ask.stewards().epoch() == 0 ? quarantineUntil : Math.max(quarantineUntil, now + config.leaseMillis());
        return new Vote(next, leasedUntil, quarantine);
    }

    private Answer grantOrRefuse(NodeId from, LeaseMessage.Ask ask, long now, LeaseConfig config) {
        boolean again = from.equals(promise.holder()) && ask.term() == promise.term();
        boolean free = now >= leasedUntil && (now >= quarantineUntil || ask.handover()) && ask.term() > promise.term();
        if (!again && !free) {
            return new Answer(this, refusal(ask, promise));
        }
        Promise next = new Promise(promise.stewards(), ask.term(), from, promise.accepted());
        return new Answer(new Vote(next, now + config.leaseMillis(), quarantineUntil),
                new LeaseMessage.Granted(ask.slot(), ask.round(), next.stewards().epoch(), next.term(), next.accepted()));
    }

    private static LeaseMessage refusal(LeaseMessage.Ask ask, Promise known) {
        return new LeaseMessage.Refused(ask.slot(), ask.round(), known.stewards(), known.term());
    }

    private Answer proposed(NodeId from, LeaseMessage.Propose propose) {
        boolean promised = promise != null && promise.stewards().epoch() == propose.epoch() && promise.term() == propose.term()
                && from.equals(promise.holder());
        if (!promised) {
            return new Answer(this, null);
        }
        Promise next = new Promise(promise.stewards(), promise.term(), promise.holder(), new Proposal(propose.term(), propose.next()));
        return new Answer(new Vote(next, leasedUntil, quarantineUntil),
                new LeaseMessage.Accepted(propose.slot(), propose.epoch(), propose.term()));
    }

    private Answer released(NodeId from, LeaseMessage.Release release, long now) {
        boolean mine = promise != null && promise.stewards().epoch() == release.epoch() && promise.term() == release.term()
                && from.equals(promise.holder());
        return mine ? new Answer(new Vote(new Promise(promise.stewards(), promise.term(), null, promise.accepted()), now, quarantineUntil), null)
                : new Answer(this, null);
    }
}
