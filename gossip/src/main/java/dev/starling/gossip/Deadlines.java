package dev.starling.gossip;

import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;

/** Deadlines by key, soonest first: timers as data, so that a stale one simply is not there any more. */
public final class Deadlines<K extends Comparable<K>> {
    private record Due<K extends Comparable<K>>(long at, K key) {}

    private final TreeMap<K, Due<K>> byKey = new TreeMap<>();
    private final TreeSet<Due<K>> byTime = new TreeSet<>(Comparator.<Due<K>>comparingLong(Due::at).thenComparing(Due::key));

    /** Sets or moves the deadline of {@code key}. */
    public void set(K key, long at) {
        cancel(key);
        Due<K> due = new Due<>(at, key);
        byKey.put(key, due);
        byTime.add(due);
    }

    public void cancel(K key) {
        Due<K> due = byKey.remove(key);
        if (due != null) {
            byTime.remove(due);
        }
    }

    public boolean has(K key) {
        return byKey.containsKey(key);
    }

    /** Removes and returns the key whose deadline passed longest ago; null where none has at {@code now}. */
    public K pollDue(long now) {
        if (byTime.isEmpty() || byTime.first().at > now) {
            return null;
        }
        K key = byTime.first().key;
        cancel(key);
        return key;
    }

    /** When the next deadline passes; Long.MAX_VALUE for never. */
    public long next() {
        return byTime.isEmpty() ? Long.MAX_VALUE : byTime.first().at;
    }

    /** Moves every deadline {@code millis} later: for time in which this node did not run. */
    public void postpone(long millis) {
        for (Due<K> due : List.copyOf(byKey.values())) {
            set(due.key, due.at + millis);
        }
    }

    public void clear() {
        byKey.clear();
        byTime.clear();
    }
}
