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

    private static final RecordEntry[] NONE = {};

    /** Each in the order of its keys. Arrays, as a large cluster's node holds a hundred thousand entries: an entry of a tree is four times this. */
    private final RecordEntry[][] buckets = new RecordEntry[BUCKETS][];
    /** Null where the bucket is empty or has changed since. */
    private final byte[][] hashes = new byte[BUCKETS][];

    KeyedEntries() {
        Arrays.fill(buckets, NONE);
    }

    /** Null where there is none. */
    RecordEntry get(String key) {
        RecordEntry[] entries = buckets[bucketOf(key)];
        int place = place(entries, key);
        return place < 0 ? null : entries[place];
    }

    /** Returns the entry that was there before; null for none. */
    RecordEntry put(RecordEntry entry) {
        int bucket = bucketOf(entry.key());
        RecordEntry[] entries = buckets[bucket];
        int place = place(entries, entry.key());
        hashes[bucket] = null;
        if (place >= 0) {
            RecordEntry before = entries[place];
            entries[place] = entry;
            return before;
        }
        RecordEntry[] more = Arrays.copyOf(entries, entries.length + 1);
        System.arraycopy(entries, -place - 1, more, -place, entries.length + place + 1);
        more[-place - 1] = entry;
        buckets[bucket] = more;
        return null;
    }

    void remove(String key) {
        int bucket = bucketOf(key);
        buckets[bucket] = Arrays.stream(buckets[bucket]).filter(entry -> !entry.key().equals(key)).toArray(RecordEntry[]::new);
        hashes[bucket] = null;
    }

    int size() {
        int size = 0;
        for (RecordEntry[] entries : buckets) {
            size += entries.length;
        }
        return size;
    }

    /** In no order that means anything. */
    void forEach(Consumer<RecordEntry> action) {
        for (RecordEntry[] entries : buckets) {
            for (RecordEntry entry : entries) {
                action.accept(entry);
            }
        }
    }

    private static int place(RecordEntry[] entries, String key) {
        int low = 0;
        int high = entries.length - 1;
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
        MessageDigest root = sha256();
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            if (buckets[bucket].length > 0) {
                if (hashes[bucket] == null) {
                    hashes[bucket] = hash(buckets[bucket]);
                }
                root.update((byte) bucket);
                root.update(hashes[bucket]);
            }
        }
        return root.digest();
    }

    private static byte[] hash(RecordEntry[] entries) {
        MessageDigest digest = sha256();
        for (RecordEntry entry : entries) {
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
