package dev.starling.netlink.route;

/**
 * An ARP entry.
 *
 * @param device    index
 * @param mac       empty while unresolved
 * @param permanent set by someone, never aged
 */
public record Neighbor(int device, String address, String mac, boolean permanent) {}
