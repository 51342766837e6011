package dev.starling.node.config;

import dev.starling.gossip.Endpoint;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;

/**
 * Which address other nodes are told to use, where the file does not say: the one listened on where that is a single one,
 * else that of the interface which has the default route (IPv4 before IPv6).
 */
public final class AdvertiseAddress {
    private static final Path IPV4_ROUTES = Path.of("/proc/net/route");
    private static final Path IPV6_ROUTES = Path.of("/proc/net/ipv6_route");
    private static final int RTF_UP = 1; // linux/route.h

    /** @throws ConfigException where there is no default route to go by */
    public static Endpoint of(NodeConfig config) {
        if (config.addresses().advertise() != null) {
            return config.addresses().advertise();
        }
        if (!isWildcard(config.addresses().listen().host())) {
            return config.addresses().listen();
        }
        String ipv4 = addressOf(ipv4DefaultInterface(lines(IPV4_ROUTES)), Inet4Address.class);
        String address = ipv4 != null ? ipv4 : addressOf(ipv6DefaultInterface(lines(IPV6_ROUTES)), Inet6Address.class);
        if (address == null) {
            throw new ConfigException("key 'advertise': not given, and there is no interface with a default route to take it from; "
                    + "set 'advertise: ADDRESS'");
        }
        return new Endpoint(address, config.addresses().listen().port());
    }

    static boolean isWildcard(String host) {
        return host.equals("0.0.0.0") || host.equals("::");
    }

    /** @param lines of /proc/net/route: interface, destination, gateway, flags, refcount, use, metric, mask, ... in hex; a header first */
    static String ipv4DefaultInterface(List<String> lines) {
        String best = null;
        long bestMetric = Long.MAX_VALUE;
        for (String line : lines) {
            String[] field = line.strip().split("\\s+");
            boolean isDefault = field.length > 7 && field[1].equals("00000000") && field[7].equals("00000000")
                    && (Integer.parseInt(field[3], 16) & RTF_UP) != 0;
            if (isDefault && Long.parseLong(field[6]) < bestMetric) {
                best = field[0];
                bestMetric = Long.parseLong(field[6]);
            }
        }
        return best;
    }

    /** @param lines of /proc/net/ipv6_route: destination, its prefix length, source, its length, next hop, metric, ..., flags, interface, in hex */
    static String ipv6DefaultInterface(List<String> lines) {
        String best = null;
        long bestMetric = Long.MAX_VALUE;
        for (String line : lines) {
            String[] field = line.strip().split("\\s+");
            boolean isDefault = field.length == 10 && field[0].matches("0{32}") && field[1].equals("00") && !field[9].equals("lo");
            if (isDefault && Long.parseLong(field[5], 16) < bestMetric) {
                best = field[9];
                bestMetric = Long.parseLong(field[5], 16);
            }
        }
        return best;
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) { // a kernel without that family has no such file
            return List.of();
        }
    }

    private static String addressOf(String interfaceName, Class<? extends InetAddress> family) {
        if (interfaceName == null) {
            return null;
        }
        try {
            NetworkInterface link = NetworkInterface.getByName(interfaceName);
            List<InetAddress> addresses = link == null ? List.of() : Collections.list(link.getInetAddresses());
            return addresses.stream()
                    .filter(address -> family.isInstance(address) && !address.isLinkLocalAddress())
                    .map(InetAddress::getHostAddress)
                    .map(text -> text.split("%")[0]) // IPv6 addresses carry their interface
                    .sorted()
                    .findFirst()
                    .orElse(null);
        } catch (SocketException e) {
            throw new ConfigException("key 'advertise': the addresses of " + interfaceName + " cannot be read: " + e.getMessage(), e);
        }
    }

    private AdvertiseAddress() {}
}
