package dev.starling.scheduler.lease;

/**
 * How long votes last, in milliseconds of each node's own monotonic clock.
 *
 * @param leaseMillis how long a steward that has voted votes for nobody else
 * @param holdMillis  how long, from when it asked, a holder lets its container run without a new majority
 * @param stopMillis  how long the container may take to end then; its stop grace is cut to this
 * @param renewMillis between two askings of a holder
 * @param retryMillis after a refusal; another such time at most is added, so that two that were refused do not meet again
 */
public record LeaseConfig(long leaseMillis, long holdMillis, long stopMillis, long renewMillis, long retryMillis) {
    /** What remains of a lease when the container is gone: clocks that run unequally fast, and a core that is late, live on this. */
    private static final double MARGIN = 0.2;

    public LeaseConfig {
        if (holdMillis + stopMillis > leaseMillis * (1 - MARGIN)) {
            throw new IllegalArgumentException("hold " + holdMillis + " ms and stop " + stopMillis + " ms leave less than " + MARGIN
                    + " of the lease of " + leaseMillis + " ms as a margin");
        }
    }

    public static LeaseConfig defaults() {
        return new LeaseConfig(20_000, 10_000, 5_000, 2_000, 1_500);
    }
}
