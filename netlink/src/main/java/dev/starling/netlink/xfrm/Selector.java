package dev.starling.netlink.xfrm;

/**
 * UDP packets to a port, between two hosts or between any.
 *
 * @param source an IPv4 address, or {@link #ANY}
 */
public record Selector(String source, String destination, int destinationPort) {
    public static final String ANY = "0.0.0.0";

    int sourcePrefix() {
        return source.equals(ANY) ? 0 : 32;
    }

    int destinationPrefix() {
        return destination.equals(ANY) ? 0 : 32;
    }
}
