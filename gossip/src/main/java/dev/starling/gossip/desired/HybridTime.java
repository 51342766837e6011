package dev.starling.gossip.desired;

/**
 * Hybrid logical time (Kulkarni et al. 2014): wall-clock milliseconds since 1970 in the high 48 bits of {@link #packed}, a counter in
 * the low 16. Greater than every time it was derived from, and close to the wall clock while clocks agree.
 */
public record HybridTime(long packed) implements Comparable<HybridTime> {
    public static final HybridTime ZERO = new HybridTime(0);

    public static HybridTime of(long wallMillis, int counter) {
        if (wallMillis < 0 || wallMillis >= 1L << 47 || counter < 0 || counter > 0xffff) {
            throw new IllegalArgumentException("hybrid time out of range: " + wallMillis + " ms, counter " + counter);
        }
        return new HybridTime(wallMillis << 16 | counter);
    }

    /** The next time after both {@code this} and the wall clock. */
    public HybridTime next(long wallMillis) {
        long wall = Math.max(0, wallMillis) << 16;
        return new HybridTime(Math.max(wall, packed + 1));
    }

    public long wallMillis() {
        return packed >>> 16;
    }

    public int counter() {
        return (int) (packed & 0xffff);
    }

    @Override
    public int compareTo(HybridTime other) {
        return Long.compare(packed, other.packed);
    }
}
