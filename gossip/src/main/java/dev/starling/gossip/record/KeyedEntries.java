package dev.starling.gossip.record;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * The latest entry of each key, tombstones included, and one hash over all of them: a tree of two levels, 64 buckets of keys and the root over
 * their hashes. So one signature covers a record of any size, and a change costs the hash of its bucket, not of the whole.
 *
 * <pre>
 *   root   = SHA-256 of each non-empty bucket's number (1 byte) and hash, ascending
 *   bucket = SHA-256 of its entries by key: lengths (4 bytes) and bytes of key and value (length -1 for a tombstone), version (8 bytes)
 * </pre>
 */
final class KeyedEntries {
    private static final int BUCKET_BITS = 6;
    private static final int BUCKETS = 1 << BUCKET_BITS;

    private static final int HASH_BYTES = 32;
    private static final RecordEntry[] NONE = {};

    /** Bucket after bucket, each in the order of its keys. One array, as a large cluster's node holds a thousand records of a hundred entries. */
    private RecordEntry[] entries = NONE;
    /** Where each bucket begins, and the last one ends. */
    private final int[] starts = new int[BUCKETS + 1];
    /** Of each bucket in turn; null until the root is asked for. */
    private byte[] hashes;
    /** A bit for each bucket whose hash is that of its entries. */
    private long hashed;

    /** Null where there is none. */
    RecordEntry get(String key) {
        int place = place(bucketOf(key), key);
        return place < 0 ? null : entries[place];
    }

    /** Returns the entry that was there before; null for none. */
    RecordEntry put(RecordEntry entry) {
        int bucket = bucketOf(entry.key());
        int place = place(bucket, entry.key());
        hashed &= ~(1L << bucket);
        if (place >= 0) {
            RecordEntry before = entries[place];
            entries[place] = entry;
            return before;
        }
        move(-place - 1, bucket, 1);
        entries[-place - 1] = entry;
        return null;
    }

    void remove(String key) {
        int bucket = bucketOf(key);
        int place = place(bucket, key);
        if (place >= 0) {
            move(place, bucket, -1);
            hashed &= ~(1L << bucket);
        }
    }

    /** Makes room for one entry at {@code place}, or closes it: {@code by} is 1 or -1. */
    private void move(int place, int bucket, int by) {
        RecordEntry[] moved = Arrays.copyOf(entries, entries.length + by);
        int rest = by > 0 ? place : place + 1;
        System.arraycopy(entries, rest, moved, rest + by, entries.length - rest);
        entries = moved;
        for (int next = bucket + 1; next <= BUCKETS; next++) {
            starts[next] += by;
        }
    }

    /** In no order that means anything. */
    void forEach(Consumer<RecordEntry> action) {
        for (RecordEntry entry : entries) {
            action.accept(entry);
        }
    }

    /** As {@link Arrays#binarySearch}. */
    private int place(int bucket, String key) {
        int low = starts[bucket];
        int high = starts[bucket + 1] - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            int order = entries[middle].key().compareTo(key);
            if (order == 0) {
                return middle;
            }
            low = order < 0 ? middle + 1 : low;
            high = order < 0 ? high : middle - 1;
        }
        return -low - 1;
    }

    byte[] root() {
        if (hashes == null) {
            hashes = new byte[BUCKETS * HASH_BYTES];
        }
        MessageDigest digest = sha256();
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            if ((hashed >>> bucket & 1) == 0 && starts[bucket] < starts[bucket + 1]) {
                System.arraycopy(hash(digest, bucket), 0, hashes, bucket * HASH_BYTES, HASH_BYTES);
            }
        }
        hashed = -1;
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            if (starts[bucket] < starts[bucket + 1]) {
                digest.update((byte) bucket);
                digest.update(hashes, bucket * HASH_BYTES, HASH_BYTES);
            }
        }
        return digest.digest();
    }

    /** Leaves {@code digest} as it was. */
    private byte[] hash(MessageDigest digest, int bucket) {
        for (int place = starts[bucket]; place < starts[bucket + 1]; place++) {
            RecordEntry entry = entries[place];
            byte[] key = entry.key().getBytes(StandardCharsets.UTF_8);
            digest.update(ByteBuffer.allocate(16).putInt(key.length).putLong(entry.version())
                    .putInt(entry.isTombstone() ? -1 : entry.value().size()).array());
            digest.update(key);
            if (!entry.isTombstone()) {
                digest.update(entry.value().array());
            }
        }
        return digest.digest();
    }

    /** String.hashCode is the same in every Java (JLS, String), so all nodes find a key in the same bucket. */
    private static int bucketOf(String key) {
        return key.hashCode() * 0x9e3779b9 >>> Integer.SIZE - BUCKET_BITS;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no SHA-256, which every Java must have", e);
        }
    }
}
