package dev.starling.gossip.member;

import dev.starling.gossip.NodeId;
import java.util.TreeSet;

/**
 * How long a suspect may take to refute (Lifeguard, Dadgar et al. 2018): long while one node alone accuses it, since that node may be the
 * sick one; shorter with each independent accuser, down to the minimum when {@code confirmationsNeeded} have joined the first.
 */
final class Suspicion {
    private long begun;
    private final long minMillis;
    private final long maxMillis;
    private final int confirmationsNeeded;
    private final TreeSet<NodeId> accusers = new TreeSet<>();

    Suspicion(long begun, long minMillis, long maxMillis, int confirmationsNeeded) {
        this.begun = begun;
        this.minMillis = minMillis;
        this.maxMillis = maxMillis;
        this.confirmationsNeeded = confirmationsNeeded;
    }

    /** True where {@code accuser} is one more, and still counts: more than enough need not be told on. */
    boolean accusedBy(NodeId accuser) {
        return wouldCount(accuser) && accusers.add(accuser);
    }

    boolean wouldCount(NodeId accuser) {
        return accusers.size() <= confirmationsNeeded && !accusers.contains(accuser);
    }

    /** For time in which this node did not run, and could not have heard a refutation. */
    void postpone(long millis) {
        begun += millis;
    }

    long deadline() {
        if (confirmationsNeeded == 0) {
            return begun + minMillis;
        }
        int confirmations = Math.max(0, accusers.size() - 1);
        double shrink = Math.log(confirmations + 1.0) / Math.log(confirmationsNeeded + 1.0);
        return begun + Math.max(minMillis, Math.round(maxMillis - shrink * (maxMillis - minMillis)));
    }
}
