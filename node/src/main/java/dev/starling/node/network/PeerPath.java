package dev.starling.node.network;

import dev.starling.gossip.Endpoint;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * The way to one peer, found by asking: all places at which it may be until one answers, then that one, which also keeps NAT's mapping.
 *
 * <pre>
 *   searching   all places, after 1, 1, 1, 2, 4, ... 30 s          an answer            -> found
 *   found       the path, each 20 s                                no answer within 1 s -> doubted
 *   doubted     all places, as when searching                      the path answers     -> found
 *                                                                  another place does, and the path has not thrice -> found, by that
 * </pre>
 *
 * A question of the peer that comes from elsewhere than its path makes the path doubted at once: a train's mapping may have changed.
 */
final class PeerPath {
    static final long KEEPALIVE_MILLIS = 20_000;
    static final long PATIENCE_MILLIS = 1_000;
    static final int MISSES = 3;
    private static final int MOST_DOUBLINGS = 5;
    private static final long LONGEST_MILLIS = 30_000;
    private static final int MOST_OUTSTANDING = 32;
    private static final int MOST_ANSWERS = 20;

    private final Map<Long, Endpoint> outstanding = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Endpoint> eldest) {
            return size() > MOST_OUTSTANDING;
        }
    };
    private List<Endpoint> candidates = List.of();
    private Endpoint heardFrom;
    private Endpoint path;
    private Endpoint seenAs;
    private boolean awaiting;
    private int missed;
    private long next;
    private long answersSince;
    private int answers;

    void mayBeAt(List<Endpoint> places, long nowMillis) {
        if (!places.equals(candidates)) {
            candidates = places;
            if (path == null) {
                missed = 0;
                next = nowMillis;
            }
        }
    }

    /** Null while it is not known. */
    Endpoint path() {
        return path;
    }

    /** As what the peer sees this node; null while it has not said. */
    Endpoint seenAs() {
        return seenAs;
    }

    /** @return where to ask now, with the nonces to ask with */
    Map<Long, Endpoint> due(long nowMillis, RandomGenerator random) {
        if (nowMillis < next) {
            return Map.of();
        }
        if (awaiting) {
            missed++;
        }
        awaiting = true;
        next = nowMillis + (missed < MISSES ? PATIENCE_MILLIS : Math.min(PATIENCE_MILLIS << Math.min(missed - MISSES + 1, MOST_DOUBLINGS), LONGEST_MILLIS));
        Map<Long, Endpoint> questions = new LinkedHashMap<>();
        for (Endpoint place : path != null && missed == 0 ? List.of(path) : places()) {
            questions.put(random.nextLong(), place);
        }
        outstanding.putAll(questions);
        return questions;
    }

    private List<Endpoint> places() {
        Set<Endpoint> places = new LinkedHashSet<>();
        if (path != null) {
            places.add(path);
        }
        if (heardFrom != null) {
            places.add(heardFrom);
        }
        places.addAll(candidates);
        return new ArrayList<>(places);
    }

    /** @return whether to answer: so many a second */
    boolean asked(Endpoint from, long nowMillis) {
        if (nowMillis - answersSince >= 1_000) {
            answersSince = nowMillis;
            answers = 0;
        }
        if (!from.equals(path) && !(from.equals(heardFrom) && missed > 0)) {
            heardFrom = from;
            if (path == null || missed == 0) {
                missed = path == null ? 0 : 1;
                awaiting = false;
                next = nowMillis;
            }
        }
        return ++answers <= MOST_ANSWERS;
    }

    void answered(Endpoint from, long nonce, Endpoint seen, long nowMillis) {
        if (!from.equals(outstanding.get(nonce))) {
            return; // late, not asked for, or come by another way than it was asked
        }
        outstanding.remove(nonce);
        if (path == null || from.equals(path) || missed >= MISSES) {
            path = from;
            seenAs = seen;
            missed = 0;
            awaiting = false;
            next = nowMillis + KEEPALIVE_MILLIS;
        }
    }
}
