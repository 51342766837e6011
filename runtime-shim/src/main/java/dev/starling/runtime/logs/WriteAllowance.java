package dev.starling.runtime.logs;

import java.time.Instant;

/**
 * So many bytes an hour, saved up for one hour at most (a token bucket). Once it is used up nothing is granted until a tenth has come back: a log that
 * lets through one line a second among thousands that are dropped is of no use to its reader. A clock that is set back grants nothing, one that
 * is set forward at most an hour's bytes. Safe for several threads.
 */
final class WriteAllowance {
    private static final double MILLIS_AN_HOUR = 3_600_000;
    private static final int RESUMES_AT_ONE_IN = 10;

    private final long bytesPerHour;
    private double left;
    private Instant counted;
    private boolean usedUp;

    WriteAllowance(long bytesPerHour) {
        this.bytesPerHour = bytesPerHour;
        this.left = bytesPerHour;
    }

    synchronized boolean has(long bytes, Instant now) {
        if (counted != null) {
            long millis = Math.max(0, now.toEpochMilli() - counted.toEpochMilli());
            left = Math.min(bytesPerHour, left + bytesPerHour * (millis / MILLIS_AN_HOUR));
        }
        counted = now;
        if (usedUp && left * RESUMES_AT_ONE_IN >= bytesPerHour) {
            usedUp = false;
        }
        if (bytes > left) {
            usedUp = true;
        }
        return !usedUp;
    }

    /** May leave less than nothing, which the time to come pays back. */
    synchronized void take(long bytes) {
        left -= bytes;
    }
}
