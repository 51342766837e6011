package dev.starling.scheduler;

import dev.starling.scheduler.model.Slot;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What this node waits for, by its own monotonic clock and for no one else to see. A wait begins when it is first asked about, and is
 * forgotten by a round that does not ask: what is no longer the case starts over when it is the case again.
 */
final class Waits {
    private static final class Wait {
        final long since;
        long askedIn;

        Wait(long since) {
            this.since = since;
        }
    }

    private final SortedMap<String, Wait> waits = new TreeMap<>();
    /** For this node's turn to claim a slot. By themselves, as there are thousands where a large cluster places its first services. */
    private final SortedMap<Slot, Wait> turns = new TreeMap<>();
    private long round;
    private long now;
    private long wakeAt = Long.MAX_VALUE;

    void beginRound(long monotonicMillis) {
        round++;
        now = monotonicMillis;
        wakeAt = Long.MAX_VALUE;
    }

    /** Whether {@code what} has been the case for {@code millis}; if not, the scheduler is woken when it will have been. */
    boolean isOver(String what, long millis) {
        return isOver(waits.computeIfAbsent(what, first -> new Wait(now)), millis);
    }

    /** Whether {@code slot} has been free for {@code millis}, for as long as this is asked; if not, the scheduler is woken when it will have been. */
    boolean isTurn(Slot slot, long millis) {
        return isOver(turns.computeIfAbsent(slot, first -> new Wait(now)), millis);
    }

    private boolean isOver(Wait wait, long millis) {
        wait.askedIn = round;
        long end = wait.since + Math.max(0, millis);
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
        waits.values().removeIf(wait -> wait.askedIn != round);
        turns.values().removeIf(wait -> wait.askedIn != round);
    }

    /** Long.MAX_VALUE if nothing is waited for. */
    long wakeAt() {
        return wakeAt;
    }
}
