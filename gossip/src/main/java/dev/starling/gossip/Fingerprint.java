package dev.starling.gossip;

/**
 * Short fingerprints of state, so that two nodes can tell with eight bytes that they agree. A set's fingerprint is the XOR of its
 * entries', so it is kept up to date with one step per change and does not depend on the order of changes.
 *
 * <p>Not a cryptographic hash: who forges state meets signatures, not this.
 */
public final class Fingerprint {
    private Fingerprint() {}

    /** The fingerprint of an entry named {@code name} that is at {@code numbers}. */
    public static long of(String name, long... numbers) {
        long state = 0xcbf29ce484222325L; // FNV-1a over the name, then a finalizer per number
        for (int i = 0; i < name.length(); i++) {
            state = (state ^ name.charAt(i)) * 0x100000001b3L;
        }
        state = mix(state);
        for (long number : numbers) {
            state = mix(state ^ mix(number + 0x9e3779b97f4a7c15L));
        }
        return state;
    }

    /** The finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
    private static long mix(long value) {
        long z = (value ^ value >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
