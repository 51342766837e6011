package dev.starling.scheduler;

import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What this node waits for, by its own monotonic clock and for no one else to see. A wait begins when it is first asked about, and is
 * forgotten by a round that does not ask: what is no longer the case starts over when it is the case again.
 */
final class Waits {
    private final SortedMap<String, Long> since = new TreeMap<>();
    private final SortedSet<String> asked = new TreeSet<>();
    private long now;
    private long wakeAt = Long.MAX_VALUE;

    void beginRound(long monotonicMillis) {
        now = monotonicMillis;
        wakeAt = Long.MAX_VALUE;
        asked.clear();
    }

    /** Whether {@code what} has been the case for {@code millis}; if not, the scheduler is woken when it will have been. */
    boolean isOver(String what, long millis) {
        asked.add(what);
        long end = since.computeIfAbsent(what, first -> now) + Math.max(0, millis);
        if (end > now) {
            wakeAt = Math.min(wakeAt, end);
        }
        return end <= now;
    }

    /** The scheduler is woken then at the latest. */
    void wakeAt(long monotonicMillis) {
        if (monotonicMillis > now) {
            wakeAt = Math.min(wakeAt, monotonicMillis);
        }
    }

    void endRound() {
        since.keySet().retainAll(asked);
    }

    /** Long.MAX_VALUE if nothing is waited for. */
    long wakeAt() {
        return wakeAt;
    }
}
