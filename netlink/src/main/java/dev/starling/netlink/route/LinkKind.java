package dev.starling.netlink.route;

import dev.starling.netlink.AddressText;

/** What a link is, with the settings that cannot change after its creation and therefore decide whether a device found is the one wanted. */
public sealed interface LinkKind {
    record Bridge() implements LinkKind {}

    /**
     * @param vni    network identifier
     * @param local  source address of the tunnel, IPv4 or IPv6: so are all its ends
     * @param device index of the underlay device
     * @param port   UDP destination port
     * @param checksums whether UDP has any
     */
    record Vxlan(int vni, String local, int device, int port, boolean checksums) implements LinkKind {
        boolean isOverIpv6() {
            return AddressText.isIpv6(local);
        }
    }

    record Veth() implements LinkKind {}

    /** @param name the kernel's, e.g. {@code dummy}; empty for hardware and loopback */
    record Other(String name) implements LinkKind {}
}
