package dev.starling.chaos.promises;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Measured values, shown as median, 99th percentile (nearest rank) and maximum. */
final class Spread {
    private final List<Long> values = new ArrayList<>();

    void add(long value) {
        values.add(value);
    }

    int count() {
        return values.size();
    }

    long percentile(int percent) {
        List<Long> sorted = new ArrayList<>(values);
        Collections.sort(sorted);
        return sorted.get(Math.max(0, (int) Math.ceil(sorted.size() * percent / 100.0) - 1));
    }

    @Override
    public String toString() {
        return values.isEmpty() ? "nothing measured"
                : String.format("median %,d, p99 %,d, max %,d (n=%d)", percentile(50), percentile(99), percentile(100), count());
    }
}
