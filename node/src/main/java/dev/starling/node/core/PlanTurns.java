package dev.starling.node.core;

import dev.starling.gossip.Gossip;
import dev.starling.scheduler.Scheduler;

/**
 * When the scheduler runs, for a plan is by far the dearest thing that the core does. For a change that comes alone at once, in a burst
 * {@link NodeCore.Config#planInterval} after the last plan. On a node that starts among others not before it has their state: its old tasks may
 * have been taken over while it was away.
 *
 * <p>All times are monotonic milliseconds.
 */
final class PlanTurns {
    private static final long LONGEST_CATCH_UP_MILLIS = 30_000;
    private static final long CATCH_UP_LOOK_MILLIS = 100;

    private final NodeCore.Config config;
    private final Gossip gossip;
    private final Scheduler scheduler;
    private boolean dirty = true;
    /** Not before this does the scheduler run: first for listening, then {@link NodeCore.Config#planInterval} after its last run. */
    private long planAt;
    private boolean heardPeer;
    /** From the start until the state of the others is here. */
    private boolean listening;
    private long listenUntil;

    PlanTurns(NodeCore.Config config, Gossip gossip, Scheduler scheduler) {
        this.config = config;
        this.gossip = gossip;
        this.scheduler = scheduler;
    }

    /** @param alone no others are known: there is nobody to listen to */
    void start(boolean alone, long now) {
        planAt = alone ? now : now + config.listenFirst();
        listening = !alone;
        listenUntil = now + Math.max(config.listenFirst(), LONGEST_CATCH_UP_MILLIS);
    }

    /** The first answer of a peer shortens the wait for one. */
    void peerHeard(long now) {
        if (!heardPeer) {
            heardPeer = true;
            planAt = Math.min(planAt, now + config.listenAfterPeer());
        }
    }

    /** Something that the scheduler looks at is not as it was at its last run. */
    void changed() {
        dirty = true;
    }

    /** When {@link #take} may next give a turn; Long.MAX_VALUE for never. */
    long next() {
        return dirty ? planAt : Math.max(planAt, scheduler.nextStep());
    }

    /** Whether the scheduler is to run now: something has changed, or a wait of its own is over. */
    boolean take(long now) {
        if (isListening(now) || now < next()) {
            return false;
        }
        planAt = now + config.planInterval();
        dirty = false;
        return true;
    }

    /** A node that has just come plans on the whole state, not on the part that has arrived; with a bound, for the link may be slow. */
    private boolean isListening(long now) {
        if (!listening || now < planAt) {
            return false;
        }
        listening = now < listenUntil && gossip.isCatchingUp(now);
        planAt += listening ? CATCH_UP_LOOK_MILLIS : 0;
        return listening;
    }
}
