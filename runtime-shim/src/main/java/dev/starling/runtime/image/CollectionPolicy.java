package dev.starling.runtime.image;

import java.time.Duration;

/**
 * When images go by themselves: the section {@code images} of the configuration.
 *
 * @param unusedFor   an image that nothing has used for so long goes; null for never
 * @param highPercent from this share of the disk in use on, unused images go; 100 for never
 * @param lowPercent  until no more than this is in use
 * @param leastUnused not even a full disk takes what was used, pulled or loaded less than this ago
 */
public record CollectionPolicy(Duration unusedFor, int highPercent, int lowPercent, Duration leastUnused) {
    public static final CollectionPolicy DEFAULTS = new CollectionPolicy(null, 85, 80, Duration.ofMinutes(10));

    public CollectionPolicy {
        if (lowPercent < 0 || lowPercent > highPercent || highPercent > 100) {
            throw new IllegalArgumentException("0 <= low <= high <= 100 must hold, got low " + lowPercent + " and high " + highPercent);
        }
    }
}
