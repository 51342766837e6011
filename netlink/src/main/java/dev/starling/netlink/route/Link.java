package dev.starling.netlink.route;

import java.util.Optional;

/**
 * A network device as the kernel shows it.
 *
 * @param mac    empty where the device has none
 * @param master index of the bridge it is enslaved to, or 0
 * @param peer   for a veth, the index of its other end (in that end's namespace); for a VXLAN, the underlay device; else 0
 * @param port   as a bridge port, where it is one
 */
public record Link(int index, String name, String mac, int mtu, boolean up, int master, int peer, LinkKind kind, Optional<BridgePort> port) {}
