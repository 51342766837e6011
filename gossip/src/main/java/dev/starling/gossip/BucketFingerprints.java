package dev.starling.gossip;

/**
 * Fingerprints of what is known of nodes, by buckets of node ids, so that two large views find out where they differ with
 * {@link #COUNT} numbers rather than with one line per node. Kept up to date with one XOR per change.
 */
public final class BucketFingerprints {
    /** A thousand nodes are four to a bucket, and all buckets are one KiB. */
    public static final int COUNT = 256;

    private final long[] buckets = new long[COUNT];
    private long total;

    public static int bucketOf(NodeId id) {
        return (int) (Fingerprint.of(id.value()) >>> 56);
    }

    /** Adds an entry about {@code id}, or takes it away where it is there. */
    public void toggle(NodeId id, long fingerprint) {
        buckets[bucketOf(id)] ^= fingerprint;
        total ^= fingerprint;
    }

    /** Over all buckets. */
    public long total() {
        return total;
    }

    public long of(int bucket) {
        return buckets[bucket];
    }
}
