package dev.starling.gossip;

/**
 * From whom this node is getting much of what it lacks. Meanwhile it asks nobody else for anything: over a slow link every peer would send all of it.
 *
 * <pre>
 *   idle       a large message of a peer begins to arrive         -> guessed   it may be a piece of what is lacking
 *   idle       much is asked of a peer                            -> fed
 *   idle       a piece, and more is to come                       -> fed
 *   guessed    it was another message                             -> idle
 *   fed        the last piece, or one without news                -> idle
 *   any        nothing has come for {@link #PIECE_PATIENCE} sync intervals -> idle
 * </pre>
 */
final class CatchUp {
    private static final int PIECE_PATIENCE = 4;

    private final long syncMillis;
    /** Who is sending it; null for nobody. */
    private NodeId source;
    /** Until then that is believed without another piece. */
    private long until = Long.MIN_VALUE;
    private boolean guessed;
    /** The source was sent a Summary, and its Digest is awaited. */
    private boolean summarized;

    CatchUp(GossipConfig config) {
        syncMillis = config.syncInterval().toMillis();
    }

    boolean isUnderWay(long now) {
        return source != null && now < until;
    }

    /** Until when it is believed to go on without another piece. */
    long until() {
        return until;
    }

    /** A part of a large message of {@code peer} is here. */
    void arriving(NodeId peer, long now) {
        if (!isUnderWay(now)) {
            fedBy(peer, now + PIECE_PATIENCE * syncMillis);
            guessed = true;
        } else if (peer.equals(source)) {
            until = now + PIECE_PATIENCE * syncMillis;
        }
    }

    /** {@code peer}'s messages come in order, and this one was no piece: so none was on its way. */
    void arrivedOtherwise(NodeId peer) {
        if (guessed && peer.equals(source)) {
            source = null;
        }
    }

    /** This node asks {@code peer} for much. */
    void asks(NodeId peer, long now) {
        if (!isUnderWay(now)) {
            fedBy(peer, now + syncMillis);
        }
    }

    /**
     * A piece of {@code peer} is taken in, and more is to come.
     *
     * @return false where another one is the source: what this one still sends is welcome, more of it comes from the other
     */
    boolean goesOn(NodeId peer, long now) {
        if (isUnderWay(now) && !peer.equals(source)) {
            return false;
        }
        fedBy(peer, now + PIECE_PATIENCE * syncMillis);
        return true;
    }

    /** The last piece of {@code peer} is taken in. */
    void ends(NodeId peer) {
        source = peer.equals(source) ? null : source;
    }

    /** The source is asked to go on by a Summary; it answers with a Digest. */
    void awaitsDigest(boolean awaits) {
        summarized = awaits;
    }

    /** Whether {@code peer}'s Digest may be answered with a question: nobody sends anything, or this is the one that was asked. */
    boolean mayAsk(NodeId peer, long now) {
        boolean awaited = summarized && peer.equals(source);
        summarized &= !awaited;
        return awaited || !isUnderWay(now);
    }

    private void fedBy(NodeId peer, long patience) {
        source = peer;
        until = patience;
        guessed = false;
    }
}
