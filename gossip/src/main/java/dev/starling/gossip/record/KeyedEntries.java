package dev.starling.gossip.record;

import dev.starling.gossip.Bytes;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * The latest entry of each key, tombstones included, and one hash over all of them: a tree of two levels, 64 buckets of keys and the root over
 * their hashes. So one signature covers a record of any size, and a change costs the hash of its bucket, not of the whole.
 *
 * <pre>
 *   root   = SHA-256 of each non-empty bucket's number (1 byte) and hash, ascending
 *   bucket = SHA-256 of its entries by key: lengths (4 bytes) and bytes of key and value (length -1 for a tombstone), version (8 bytes)
 * </pre>
 *
 * <p>Immutable, so what a delta would make of a record can be checked before it is taken in; hashes are worked out when the root is first asked for. A change
 * copies references and hashes, some kilobytes, which is little beside the check of its signature.
 */
public final class KeyedEntries {
    private static final int BUCKET_BITS = 6;
    private static final int BUCKETS = 1 << BUCKET_BITS;
    private static final int HASH_BYTES = 32;
    /** Up to so many entries are all hashed when the root is asked for: that costs less than the buckets' hashes take, a thousand times over in a large cluster. */
    private static final int FEW = 16;

    /** Bucket after bucket, each in the order of its keys. One array, as a large cluster's node holds a thousand records of a hundred entries. */
    private final RecordEntry[] entries;
    /** Of each bucket in turn; null where there are few entries, and until the root of this or a state before it was asked for. */
    private byte[] hashes;
    /** A bit for each bucket whose hash is that of its entries. */
    private long hashed;
    /** Null until it is asked for. */
    private Bytes root;

    private KeyedEntries(RecordEntry[] entries, byte[] hashes, long hashed) {
        this.entries = entries;
        this.hashes = hashes;
        this.hashed = hashed;
    }

    static KeyedEntries none() {
        return new KeyedEntries(new RecordEntry[0], null, 0);
    }

    /** Null where there is none. */
    RecordEntry get(String key) {
        int place = place(entries, entries.length, key);
        return place < 0 ? null : entries[place];
    }

    /** These with {@code changes}, the later of two that have one key. */
    KeyedEntries with(List<RecordEntry> changes) {
        RecordEntry[] next = Arrays.copyOf(entries, entries.length + changes.size());
        int size = entries.length;
        long unchanged = -1;
        for (RecordEntry change : changes) {
            unchanged &= ~(1L << bucketOf(change.key()));
            int place = place(next, size, change.key());
            if (place < 0) {
                place = -place - 1;
                System.arraycopy(next, place, next, place + 1, size++ - place);
            }
            next[place] = change;
        }
        return new KeyedEntries(size == next.length ? next : Arrays.copyOf(next, size), hashes == null ? null : hashes.clone(), hashed & unchanged);
    }

    int tombstones() {
        int tombstones = 0;
        for (RecordEntry entry : entries) {
            tombstones += entry.isTombstone() ? 1 : 0;
        }
        return tombstones;
    }

    int size() {
        return entries.length;
    }

    /** In no order that means anything. */
    void forEach(Consumer<RecordEntry> action) {
        for (RecordEntry entry : entries) {
            action.accept(entry);
        }
    }

    /** As {@link Arrays#binarySearch}, in the first {@code size}. */
    private static int place(RecordEntry[] entries, int size, String key) {
        int bucket = bucketOf(key);
        int low = 0;
        int high = size - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            String other = entries[middle].key();
            int order = Integer.compare(bucketOf(other), bucket);
            order = order == 0 ? other.compareTo(key) : order;
            if (order == 0) {
                return middle;
            }
            low = order < 0 ? middle + 1 : low;
            high = order < 0 ? high : middle - 1;
        }
        return -low - 1;
    }

    public Bytes root() {
        if (root == null) {
            root = hashAll();
        }
        return root;
    }

    private Bytes hashAll() {
        boolean keeps = entries.length > FEW;
        byte[] known = hashes != null ? hashes : new byte[keeps ? BUCKETS * HASH_BYTES : 0];
        MessageDigest ofRoot = sha256();
        MessageDigest ofBucket = sha256();
        ByteBuffer lengths = ByteBuffer.allocate(2 * Integer.BYTES + Long.BYTES);
        for (int place = 0; place < entries.length; ) {
            int bucket = bucketOf(entries[place].key());
            int end = place + 1;
            while (end < entries.length && bucketOf(entries[end].key()) == bucket) {
                end++;
            }
            ofRoot.update((byte) bucket);
            if (keeps && (hashed >>> bucket & 1) != 0) {
                ofRoot.update(known, bucket * HASH_BYTES, HASH_BYTES);
            } else {
                byte[] hash = hash(ofBucket, lengths, place, end);
                ofRoot.update(hash);
                if (keeps) {
                    System.arraycopy(hash, 0, known, bucket * HASH_BYTES, HASH_BYTES);
                }
            }
            place = end;
        }
        hashes = keeps ? known : null;
        hashed = keeps ? -1 : 0;
        return Bytes.wrap(ofRoot.digest());
    }

    /** Leaves {@code digest} as it was. @param lengths room for those of an entry */
    private byte[] hash(MessageDigest digest, ByteBuffer lengths, int from, int to) {
        for (int place = from; place < to; place++) {
            RecordEntry entry = entries[place];
            byte[] key = entry.key().getBytes(StandardCharsets.UTF_8);
            digest.update(lengths.clear().putInt(key.length).putLong(entry.version()).putInt(entry.isTombstone() ? -1 : entry.value().size()).array());
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
