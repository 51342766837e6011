package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.netlink.AddressText;
import dev.starling.netlink.Ipv6Subnet;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.node.core.Document;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * The IPv6 half of {@code docker network create --ipv6}. IPv4 is what is allocated; an IPv6 address has the same number in its subnet as the IPv4
 * address in the other ({@link OverlayNetwork#ipv6}). So the subnet needs as many host bits, and the gateway is not to be chosen.
 */
final class NetworkIpv6 {
    /** Of unique local addresses (RFC 4193) a network is 64 bits: fd, 40 that say who, 16 that say which. */
    private static final int PICKED_PREFIX = 64;
    private static final int ATTEMPTS = 100;

    /**
     * @param asked     with {@code Subnet} and perhaps {@code Gateway}; missing where the subnet is to be picked
     * @param ipv4      what the network has for IPv4
     * @param others    networks that are there
     * @param randomHex at least 14 hexadecimal digits for an attempt's number
     * @return an entry of {@code IPAM.Config}
     */
    static ObjectNode config(JsonNode asked, OverlayNetwork ipv4, List<Document> others, IntFunction<String> randomHex) {
        List<Document> taken = others.stream().filter(other -> NetworkSpecReader.overlay(other).filter(OverlayNetwork::hasIpv6).isPresent()).toList();
        Ipv6Subnet subnet = asked.has("Subnet") ? asked(asked, ipv4, taken) : picked(taken, randomHex);
        OverlayNetwork both = new OverlayNetwork(ipv4.uid(), ipv4.vni(), ipv4.subnet(), ipv4.gateway(), ipv4.internal(), ipv4.mtu(), ipv4.encrypted(),
                subnet.toString());
        String gateway = both.ipv6(ipv4.gateway()).orElseThrow();
        String wanted = asked.path("Gateway").asText("");
        if (!wanted.isEmpty() && !wanted.equals(gateway) && !canonical(wanted).equals(Optional.of(gateway))) {
            throw SpecException.notSupported("IPAM.Config: the IPv6 gateway " + wanted + " (it has the number that the IPv4 gateway " + ipv4.gateway()
                    + " has in its subnet: " + gateway + "; leave it out)");
        }
        return JsonNodeFactory.instance.objectNode().put("Subnet", subnet.toString()).put("Gateway", gateway);
    }

    private static Ipv6Subnet asked(JsonNode asked, OverlayNetwork ipv4, List<Document> taken) {
        Ipv6Subnet subnet;
        try {
            subnet = Ipv6Subnet.parse(asked.path("Subnet").asText());
        } catch (IllegalArgumentException e) {
            throw SpecException.invalid("IPAM.Config: invalid subnet: " + e.getMessage());
        }
        int most = greatestPrefix(ipv4.subnet());
        if (subnet.prefix() > most) {
            throw SpecException.invalid("IPAM.Config: the IPv6 subnet needs room for as many addresses as " + ipv4.subnet() + " has: a prefix length of at most "
                    + most + ", got " + subnet);
        }
        int first = (int) (subnet.high() >>> 56);
        if (subnet.prefix() < 8 || first == 0 || first == 0xff || subnet.high() >>> 54 == 0x3fa) { // ::/8, multicast, link-local
            throw SpecException.invalid("IPAM.Config: " + subnet + " is not for networks: give one of fd00::/8 or of your own global addresses");
        }
        for (Document other : taken) {
            if (subnetOf(other).overlaps(subnet)) {
                throw SpecException.forbidden("Pool overlaps with other one on this address space: " + subnet + " and " + subnetOf(other) + " of network "
                        + other.name());
            }
        }
        return subnet;
    }

    private static Ipv6Subnet picked(List<Document> taken, IntFunction<String> randomHex) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            long high = 0xfdL << 56 | Long.parseLong(randomHex.apply(attempt).substring(0, 14), 16);
            Ipv6Subnet candidate = new Ipv6Subnet(high, 0, PICKED_PREFIX);
            if (taken.stream().noneMatch(other -> subnetOf(other).overlaps(candidate))) {
                return candidate;
            }
        }
        throw SpecException.invalid("could not find an available, non-overlapping IPv6 address pool in fd00::/8");
    }

    /** With which an IPv6 subnet has the host bits of {@code ipv4}. */
    static int greatestPrefix(String ipv4) {
        return 96 + Subnet.parse(ipv4).prefix();
    }

    private static Ipv6Subnet subnetOf(Document network) {
        return Ipv6Subnet.parse(NetworkSpecReader.overlay(network).orElseThrow().ipv6Subnet());
    }

    private static Optional<String> canonical(String address) {
        try {
            return Optional.of(AddressText.ipv6(AddressText.ipv6(address)));
        } catch (IllegalArgumentException e) {
            throw SpecException.invalid("IPAM.Config: Gateway: " + e.getMessage());
        }
    }

    private NetworkIpv6() {}
}
