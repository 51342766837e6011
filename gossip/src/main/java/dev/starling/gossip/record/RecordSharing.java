package dev.starling.gossip.record;

/**
 * Gives one object for equal states of a record. Handed in, since in a simulation of many nodes in one heap a thousand views hold the same immutable state,
 * which each of them has worked out and checked by itself. A node by itself has nobody to share with.
 */
@FunctionalInterface
public interface RecordSharing {
    /** With nobody. */
    RecordSharing NONE = entries -> entries;

    /** {@code entries}, or others with the same root. */
    KeyedEntries shared(KeyedEntries entries);
}
