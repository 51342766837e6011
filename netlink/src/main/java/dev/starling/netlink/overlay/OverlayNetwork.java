package dev.starling.netlink.overlay;

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
 */
public record OverlayNetwork(String uid, int vni, String subnet, String gateway, boolean internal, int mtu, boolean encrypted) {
    /** In the clear. */
    public OverlayNetwork(String uid, int vni, String subnet, String gateway, boolean internal, int mtu) {
        this(uid, vni, subnet, gateway, internal, mtu, false);
    }
}
