package dev.starling.scheduler;

/**
 * Things that come in company and are told one by one, as deaths when a switch fails, or services when a stack is deployed. What follows from all of them is better not
 * decided by the first: nodes are told in different orders, and would each decide by another part.
 */
final class Company {
    private final long settledMillis;
    private final long longestMillis;
    /** Of the last one; 0 if there was none. */
    private long last;
    /** When the first of those came that came with the last one. */
    private long first;

    /**
     * @param settledMillis longer than the word of one takes to all, shorter than anybody minds
     * @param longestMillis those that come one by one for longer than this are not waited for
     */
    Company(long settledMillis, long longestMillis) {
        this.settledMillis = settledMillis;
        this.longestMillis = longestMillis;
    }

    void came(long now) {
        first = last == 0 || now >= last + settledMillis ? now : first;
        last = now;
    }

    /** Whether all have come, or have been waited for long enough; if not yet, the scheduler is woken. */
    boolean isOver(Round round) {
        long end = Math.min(last + settledMillis, first + longestMillis);
        if (last != 0 && round.now().monotonicMillis() < end) {
            round.waits().wakeAt(end);
            return false;
        }
        return true;
    }

    /** When the last one came; 0 if there was none. */
    long last() {
        return last;
    }
}
