package dev.starling.netlink.route;

/**
 * An entry of ARP or of IPv6 neighbour discovery.
 *
 * @param device    index
 * @param mac       empty while unresolved
 * @param permanent set by someone, never aged
 */
public record Neighbor(int device, String address, String mac, boolean permanent) {}
