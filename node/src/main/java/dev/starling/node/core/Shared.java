package dev.starling.node.core;

/**
 * Gives the value that is there already for one that is equal. A cluster's tasks repeat the same uids, hashes, images and reservations thousands of
 * times; decoded each by itself they were a fifth of a large cluster's heap. A table of fixed size in which the later of two takes the place:
 * what it misses costs memory and nothing else.
 *
 * @param <T> immutable, with value equality
 */
final class Shared<T> {
    private static final int SLOTS = 4096;

    private final Object[] values = new Object[SLOTS];

    @SuppressWarnings("unchecked") // only values of T are put in
    T shared(T value) {
        if (value == null) {
            return null;
        }
        int hash = value.hashCode();
        int slot = (hash ^ hash >>> 16) & SLOTS - 1;
        if (!value.equals(values[slot])) {
            values[slot] = value;
        }
        return (T) values[slot];
    }
}
