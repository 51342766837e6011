package dev.starling.node.config;

import dev.starling.gossip.Endpoint;
import dev.starling.netlink.AddressText;
import java.util.List;

/**
 * {@code overlay:}, where the tunnels of overlay networks end on this node.
 *
 * @param address      of this host, IPv4 or IPv6; null: found by {@code Underlay}
 * @param udpPort      by which it takes in encrypted traffic from and to nodes behind NAT
 * @param udpAdvertise where others reach {@code udpPort} if somebody forwards it; null: not known beforehand
 */
public record OverlaySettings(String address, int udpPort, Endpoint udpAdvertise) {
    /** RFC 3948 */
    public static final int UDP_PORT = 4500;
    public static final OverlaySettings DEFAULTS = new OverlaySettings(null, UDP_PORT, null);
    static final List<String> KEYS = List.of("address", "udp-port", "udp-advertise");

    /** @param section null for none */
    static OverlaySettings read(Section section) {
        if (section == null) {
            return DEFAULTS;
        }
        int port = section.read("udp-port", DEFAULTS.udpPort(), OverlaySettings::port);
        return new OverlaySettings(section.read("address", null, OverlaySettings::address), port, section.read("udp-advertise", null, text -> {
            Endpoint endpoint = Endpoint.parse(text, port);
            ipv4(endpoint.host());
            return endpoint;
        }));
    }

    private static int port(String text) {
        return Endpoint.parse("0.0.0.0:" + text, UDP_PORT).port();
    }

    private static void ipv4(String text) {
        if (AddressText.isIpv6(address(text))) {
            throw new IllegalArgumentException("'" + text + "' is no IPv4 address; ESP inside UDP goes by IPv4 only");
        }
    }

    private static String address(String text) {
        try {
            AddressText.bytes(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("'" + text + "' is no IPv4 or IPv6 address", e);
        }
        if (AdvertiseAddress.isWildcard(text)) {
            throw new IllegalArgumentException("'" + text + "' is no address that another node can reach");
        }
        return text;
    }
}
