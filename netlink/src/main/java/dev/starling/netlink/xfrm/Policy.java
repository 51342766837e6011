package dev.starling.netlink.xfrm;

import java.util.Optional;

/**
 * What has to be done to packets that a selector means ({@code ip xfrm policy}): they are dropped, or have to be ESP.
 *
 * @param priority of two policies that a packet meets the one with the lower number counts
 * @param template empty: drop
 */
public record Policy(Selector selector, Direction direction, int priority, Optional<Template> template) {
    /** {@code XFRM_POLICY_IN}, {@code XFRM_POLICY_OUT} */
    public enum Direction {
        IN(0), OUT(1);

        final int number;

        Direction(int number) {
            this.number = number;
        }
    }

    /** @param spi that of the association to use; 0 for any of the group */
    public record Template(String source, String destination, int spi, int group, Mode mode) {}

    public static Policy drop(Selector selector, Direction direction, int priority) {
        return new Policy(selector, direction, priority, Optional.empty());
    }
}
