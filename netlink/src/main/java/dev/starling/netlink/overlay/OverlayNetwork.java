package dev.starling.netlink.overlay;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Ipv6Subnet;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * An overlay network on this host: one bridge and one VXLAN device.
 *
 * @param uid       the network's id (25 characters); device names derive from it
 * @param vni       VXLAN network identifier, 1 to 2^24-1
 * @param subnet    IPv4 CIDR, {@code 10.0.1.0/24}
 * @param gateway   the bridge's own address in it, the same on each node
 * @param internal  whether its containers are to reach nothing outside of it
 * @param mtu       of the overlay devices, e.g. 1450
 * @param encrypted whether it goes between hosts as ESP only ({@code VxlanEncryption})
 * @param ipv6Subnet CIDR with room for as many hosts as {@code subnet}; empty for a network with IPv4 only
 */
public record OverlayNetwork(String uid, int vni, String subnet, String gateway, boolean internal, int mtu, boolean encrypted, String ipv6Subnet) {
    /** IPv4 only. */
    public OverlayNetwork(String uid, int vni, String subnet, String gateway, boolean internal, int mtu, boolean encrypted) {
        this(uid, vni, subnet, gateway, internal, mtu, encrypted, "");
    }

    /** IPv4 only, in the clear. */
    public OverlayNetwork(String uid, int vni, String subnet, String gateway, boolean internal, int mtu) {
        this(uid, vni, subnet, gateway, internal, mtu, false);
    }

    /** The same network where this node's bridge has another address. */
    public OverlayNetwork withGateway(String own) {
        return new OverlayNetwork(uid, vni, subnet, own, internal, mtu, encrypted, ipv6Subnet);
    }

    /** The same network with IPv4 only. */
    public OverlayNetwork withoutIpv6() {
        return new OverlayNetwork(uid, vni, subnet, gateway, internal, mtu, encrypted);
    }

    public boolean hasIpv6() {
        return !ipv6Subnet.isEmpty();
    }

    /**
     * The IPv6 address of who has {@code ipv4}: the same number in the other subnet, 10.0.1.18 of 10.0.1.0/24 is fd00::12 of fd00::/64. So whoever
     * knows an IPv4 address knows this one, and it needs no allocation and no gossip of its own.
     *
     * @param ipv4 of this network, with or without a prefix length
     * @return with the prefix length where {@code ipv4} has one; empty where the network has no IPv6, or the address is not of it
     */
    public Optional<String> ipv6(String ipv4) {
        if (!hasIpv6()) {
            return Optional.empty();
        }
        int slash = ipv4.indexOf('/');
        long number = number(slash < 0 ? ipv4 : ipv4.substring(0, slash)) - number(subnet.substring(0, subnet.indexOf('/')));
        int hostBits = 32 - Integer.parseInt(subnet.substring(subnet.indexOf('/') + 1));
        if (number < 0 || number >> hostBits != 0) {
            return Optional.empty();
        }
        Ipv6Subnet other = Ipv6Subnet.parse(ipv6Subnet);
        return Optional.of(other.host(number) + (slash < 0 ? "" : "/" + other.prefix()));
    }

    private static long number(String ipv4) {
        return ByteBuffer.wrap(AddressText.ipv4(ipv4)).getInt() & 0xffff_ffffL;
    }
}
