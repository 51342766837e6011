package dev.starling.gossip.member;

import dev.starling.gossip.Deadlines;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import java.util.TreeMap;

/** The suspicions that are open here: who accuses whom, when to ask the suspect once more, and when its time is over. */
final class Suspicions {
    /** Other accusers after which a suspicion gets the least time. */
    private static final int CONFIRMATIONS = 2;
    private static final int ASKS = 4;

    private final long minMillis;
    private final long maxMillis;
    private final long askIntervalMillis;
    private final TreeMap<NodeId, Suspicion> bySuspect = new TreeMap<>();
    private final Deadlines<NodeId> verdicts = new Deadlines<>();
    /** When to ask a suspect once more before its time is over: its refutation may have missed just this node. */
    private final Deadlines<NodeId> lastAsks = new Deadlines<>();

    Suspicions(GossipConfig config) {
        minMillis = config.suspicionMin().toMillis();
        maxMillis = minMillis * config.suspicionMaxFactor();
        askIntervalMillis = Math.max(1, config.probeTimeout().toMillis() / 2);
    }

    /** {@code witnesses}: how many others could confirm it. */
    void open(NodeId suspect, int witnesses, long now) {
        bySuspect.put(suspect, new Suspicion(now, minMillis, maxMillis, Math.min(CONFIRMATIONS, witnesses)));
        plan(suspect, now);
    }

    /** One more accuser of a suspect whose suspicion is open: true where it is news and counts. */
    boolean accuse(NodeId suspect, NodeId accuser, long now) {
        boolean counts = bySuspect.get(suspect).accusedBy(accuser);
        if (counts) {
            plan(suspect, now);
        }
        return counts;
    }

    /** Whether {@code accuser} would be one more that counts. */
    boolean counts(NodeId suspect, NodeId accuser) {
        return bySuspect.containsKey(suspect) && bySuspect.get(suspect).wouldCount(accuser);
    }

    void close(NodeId suspect) {
        bySuspect.remove(suspect);
        verdicts.cancel(suspect);
        lastAsks.cancel(suspect);
    }

    void closeAll() {
        bySuspect.clear();
        verdicts.clear();
        lastAsks.clear();
    }

    /** A suspect to ask now; null for none. Each is asked {@link #ASKS} times, so that lost messages do not decide. */
    NodeId pollToAsk(long now) {
        NodeId suspect = lastAsks.pollDue(now);
        if (suspect != null) {
            planAsk(suspect, now + askIntervalMillis);
        }
        return suspect;
    }

    /** A suspect whose time is over; null for none. */
    NodeId pollOver(long now) {
        return verdicts.pollDue(now);
    }

    long next() {
        return Math.min(verdicts.next(), lastAsks.next());
    }

    void postpone(long millis) {
        bySuspect.values().forEach(suspicion -> suspicion.postpone(millis));
        verdicts.postpone(millis);
        lastAsks.postpone(millis);
    }

    private void plan(NodeId suspect, long now) {
        verdicts.set(suspect, bySuspect.get(suspect).deadline());
        planAsk(suspect, now);
    }

    private void planAsk(NodeId suspect, long earliest) {
        long deadline = bySuspect.get(suspect).deadline();
        long at = Math.max(earliest, deadline - ASKS * askIntervalMillis);
        if (at < deadline) {
            lastAsks.set(suspect, at);
        }
    }
}
