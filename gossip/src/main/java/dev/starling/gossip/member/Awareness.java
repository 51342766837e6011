package dev.starling.gossip.member;

/**
 * How much this node doubts its own health (Lifeguard's local health multiplier): 0 is well. A node that is slow itself would see the
 * others as slow, so it waits longer and probes less the more it doubts.
 */
final class Awareness {
    private final int max;
    private int score;

    Awareness(int max) {
        this.max = max;
    }

    void worsen(int by) {
        score = Math.min(max, score + by);
    }

    void improve() {
        score = Math.max(0, score - 1);
    }

    int score() {
        return score;
    }

    long scale(long millis) {
        return millis * (score + 1);
    }
}
