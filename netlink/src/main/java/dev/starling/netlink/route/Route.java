package dev.starling.netlink.route;

/**
 * A route of the main table.
 *
 * @param destination CIDR, {@code 0.0.0.0/0} or {@code ::/0} for the default route
 * @param gateway     empty for a route on the link
 * @param device      index
 */
public record Route(String destination, String gateway, int device) {
    public static final String DEFAULT = "0.0.0.0/0";
    public static final String DEFAULT_IPV6 = "::/0";
}
