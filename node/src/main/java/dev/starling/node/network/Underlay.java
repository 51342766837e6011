package dev.starling.node.network;

import dev.starling.gossip.Endpoint;
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
 * @param address      of one of its devices, IPv4 (what cannot be found is the advertised one, and making a network says so)
 * @param natted       whether other nodes reach it by another address
 * @param udpPort      for ESP inside UDP
 * @param udpAdvertise where that port is reached, if that was configured
 */
public record Underlay(String address, boolean natted, int udpPort, Optional<Endpoint> udpAdvertise) {
    /** The advertised address where it is this host's own; else the one that packets to it would leave by. */
    public static Underlay of(OverlaySettings settings, Endpoint advertise) {
        String address = settings.address() != null ? settings.address() : isOwn(advertise.host()) ? advertise.host() : sourceTowards(advertise);
        return new Underlay(address, !address.equals(advertise.host()), settings.udpPort(), Optional.ofNullable(settings.udpAdvertise()));
    }

    /** Reached by its own address. */
    static Underlay open(String address) {
        return new Underlay(address, false, OverlaySettings.UDP_PORT, Optional.empty());
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
            return source.isAnyLocalAddress() || source.getAddress().length != 4 ? advertise.host() : source.getHostAddress();
        } catch (SocketException | UncheckedIOException | IllegalArgumentException e) {
            return advertise.host(); // no route
        }
    }
}
