package dev.starling.netlink.balance;

import java.nio.charset.StandardCharsets;
import java.util.Collection;

/**
 * Which backend the clients of each bucket get; pure. A client's bucket is a hash of its address. A bucket goes to the backend with the highest
 * hash of both (rendezvous hashing, Thaler and Ravishankar 1998), so hosts that know the same backends agree without a word, and when one comes or
 * goes no client moves but those that it gains or loses.
 *
 * <p>{@value #COUNT} buckets: of ten backends the busiest has about 1.4 times its share of them, of two 1.1 times.
 */
final class Buckets {
    static final int COUNT = 256;
    private static final long FNV_OFFSET = 0xcbf29ce484222325L;
    private static final long FNV_PRIME = 0x100000001b3L;

    /** @param backends not empty */
    static Backend owner(int bucket, Collection<Backend> backends) {
        Backend best = null;
        long most = 0;
        for (Backend backend : backends) {
            long weight = weight(bucket, backend);
            if (best == null || Long.compareUnsigned(weight, most) > 0) {
                best = backend;
                most = weight;
            }
        }
        return best;
    }

    private static long weight(int bucket, Backend backend) {
        long hash = FNV_OFFSET;
        for (byte octet : backend.address().getBytes(StandardCharsets.US_ASCII)) {
            hash = (hash ^ octet) * FNV_PRIME;
        }
        return mixed(hash + mixed(((long) backend.port() << 32) + bucket + 1));
    }

    /** The finalizer of SplitMix64: each bit of the input changes half of the output's. */
    private static long mixed(long value) {
        long mixed = (value ^ value >>> 30) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
        return mixed ^ mixed >>> 31;
    }

    private Buckets() {}
}
