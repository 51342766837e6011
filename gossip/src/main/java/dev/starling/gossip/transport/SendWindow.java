package dev.starling.gossip.transport;

import java.util.concurrent.TimeUnit;

/**
 * How many bytes may be under way to a peer and not yet taken by it. Whatever is under way stands in some queue in front of the next probe: a
 * socket's buffer here (hundreds of KiB, on a 1 Mbit/s link seconds), a router's on the way. So the window follows the time that a part takes
 * until the peer says "taken", as LEDBAT (RFC 6817) does: it grows while that is near the least time seen, and is halved where it is more than
 * {@link #TARGET_NANOS} above, because then a queue has built up. It begins with one part, so that the least time is one without a queue.
 *
 * <p>The peer counts what it takes and tells the sum each {@link #TELL_EVERY_BYTES}; below that nothing is told, so an idle link carries
 * nothing of this, and up to that many bytes may look as if under way when they are not.
 */
final class SendWindow {
    /** Of a frame that is larger, parts are sent. */
    static final int PART_BYTES = 8 * 1024 - 64;
    static final int TELL_EVERY_BYTES = 4 * 1024;

    private static final int MIN_BYTES = 8 * 1024;
    private static final int MAX_BYTES = 512 * 1024;
    private static final long TARGET_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final int FORGET_LEAST = 128;

    private int window = MIN_BYTES;
    private boolean queueSeen;
    private long sent;
    private long taken;
    /** One part at a time is timed: the sum at its end, 0 for none. */
    private long timedEnd;
    private long timedSince;
    private long leastNanos = Long.MAX_VALUE;

    boolean admits(int bytes) {
        long underWay = sent - taken;
        return underWay + bytes <= window || underWay <= TELL_EVERY_BYTES;
    }

    void sent(int bytes, long nowNanos) {
        sent += bytes;
        if (timedEnd == 0 && bytes >= TELL_EVERY_BYTES) { // which the peer tells of as soon as it has it
            timedEnd = sent;
            timedSince = nowNanos;
        }
    }

    /** The peer has taken {@code sum} bytes so far. What makes no sense is ignored: it can only slow down what goes to itself. */
    void taken(long sum, long nowNanos) {
        if (sum <= taken || sum > sent) {
            return;
        }
        taken = sum;
        if (timedEnd != 0 && taken >= timedEnd) {
            adapt(Math.max(1, nowNanos - timedSince));
            timedEnd = 0;
        }
    }

    private void adapt(long nanos) {
        // a way that has become longer for good is believed by and by
        leastNanos = leastNanos == Long.MAX_VALUE ? nanos : Math.min(nanos, leastNanos + leastNanos / FORGET_LEAST);
        if (nanos - leastNanos > TARGET_NANOS) {
            queueSeen = true;
            window = Math.max(MIN_BYTES, window / 2);
        } else {
            window = Math.min(MAX_BYTES, window + (queueSeen ? PART_BYTES : window));
        }
    }
}
