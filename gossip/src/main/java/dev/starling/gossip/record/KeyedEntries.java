package dev.starling.gossip.record;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;

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

    private final List<TreeMap<String, RecordEntry>> buckets = new ArrayList<>(Collections.nCopies(BUCKETS, null));
    /** Null where the bucket is empty or has changed since. */
    private final byte[][] hashes = new byte[BUCKETS][];

    /** Returns the entry that was there before; null for none. */
    RecordEntry put(RecordEntry entry) {
        int bucket = bucketOf(entry.key());
        if (buckets.get(bucket) == null) {
            buckets.set(bucket, new TreeMap<>());
        }
        hashes[bucket] = null;
        return buckets.get(bucket).put(entry.key(), entry);
    }

    void remove(String key) {
        int bucket = bucketOf(key);
        TreeMap<String, RecordEntry> entries = buckets.get(bucket);
        hashes[bucket] = null;
        entries.remove(key);
        if (entries.isEmpty()) {
            buckets.set(bucket, null);
        }
    }

    byte[] root() {
        MessageDigest root = sha256();
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            if (buckets.get(bucket) != null) {
                if (hashes[bucket] == null) {
                    hashes[bucket] = hash(buckets.get(bucket));
                }
                root.update((byte) bucket);
                root.update(hashes[bucket]);
            }
        }
        return root.digest();
    }

    private static byte[] hash(TreeMap<String, RecordEntry> entries) {
        MessageDigest digest = sha256();
        for (RecordEntry entry : entries.values()) {
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
