package dev.starling.node.network;

import dev.starling.gossip.Endpoint;
import dev.starling.netlink.AddressText;
import dev.starling.node.config.OverlaySettings;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Optional;

/**
 * Where the tunnels of overlay networks end on this host.
 *
 * @param address      of one of its devices, IPv4 or IPv6 as the kernel writes it (what cannot be found is the advertised one, and making a network says so)
 * @param natted       whether other nodes reach it by another address
 * @param udpPort      for ESP inside UDP
 * @param udpAdvertise where that port is reached, if that was configured
 */
public record Underlay(String address, boolean natted, int udpPort, Optional<Endpoint> udpAdvertise) {
    /** An IPv6 header is that much longer than one of IPv4. */
    private static final int IPV6_HEADER_MORE = 20;

    /** The advertised address where it is this host's own; else the one that packets to it would leave by. */
    public static Underlay of(OverlaySettings settings, Endpoint advertise) {
        String advertised = canonical(advertise.host()).orElse(advertise.host());
        String address = settings.address() != null ? canonical(settings.address()).orElse(settings.address())
                : isOwn(advertised) ? advertised : sourceTowards(new Endpoint(advertised, advertise.port()));
        return new Underlay(address, !address.equals(advertised), settings.udpPort(), Optional.ofNullable(settings.udpAdvertise()));
    }

    /** Reached by its own address. */
    static Underlay open(String address) {
        return new Underlay(address, false, OverlaySettings.UDP_PORT, Optional.empty());
    }

    boolean isIpv6() {
        return AddressText.isIpv6(address);
    }

    /** How much smaller than over IPv4 what it carries has to be. */
    int lessRoom() {
        return isIpv6() ? IPV6_HEADER_MORE : 0;
    }

    /**
     * Where the tunnels to a node end that advertises {@code peer}, in the one text that the kernel has for it. Empty where this host's cannot go there: a tunnel has
     * addresses of one family at both ends, and no names.
     */
    Optional<String> towards(String peer) {
        return canonical(peer).filter(end -> AddressText.isIpv6(end) == isIpv6());
    }

    /** Empty for what is no address. */
    private static Optional<String> canonical(String address) {
        try {
            return Optional.of(AddressText.text(AddressText.bytes(address)));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static boolean isOwn(String host) {
        try {
            return NetworkInterface.getByInetAddress(InetAddress.getByName(host)) != null;
        } catch (UnknownHostException | SocketException e) {
            return false;
        }
    }

    /** By asking for a route: nothing is sent. */
    private static String sourceTowards(Endpoint advertise) {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.connect(new InetSocketAddress(advertise.host(), advertise.port()));
            InetAddress source = socket.getLocalAddress();
            return source.isAnyLocalAddress() || source.isLinkLocalAddress() || source.getAddress().length == 16 && !AddressText.isIpv6(advertise.host())
                    ? advertise.host() : AddressText.text(source.getAddress());
        } catch (SocketException | UncheckedIOException | IllegalArgumentException e) {
            return advertise.host(); // no route
        }
    }
}
