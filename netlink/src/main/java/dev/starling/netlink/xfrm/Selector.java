package dev.starling.netlink.xfrm;

import dev.starling.netlink.AddressText;

/**
 * UDP packets to a port, between two hosts or between any.
 *
 * @param source      an address, or {@link #ANY}, {@link #ANY_IPV6}
 * @param destination likewise, of the same family
 */
public record Selector(String source, String destination, int destinationPort) {
    public static final String ANY = "0.0.0.0";
    public static final String ANY_IPV6 = "::";

    int sourcePrefix() {
        return prefix(source);
    }

    int destinationPrefix() {
        return prefix(destination);
    }

    private static int prefix(String address) {
        return address.equals(ANY) || address.equals(ANY_IPV6) ? 0 : AddressText.isIpv6(address) ? 128 : 32;
    }
}
