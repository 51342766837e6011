package dev.starling.netlink.route;

/**
 * One forwarding entry. A VXLAN device that is a bridge port has two tables: the bridge's ({@code master}: which port) and its own ({@code self}: which
 * remote host).
 *
 * @param device      index of the port or VXLAN device
 * @param destination remote host, for an entry of the VXLAN device's own table; else empty
 * @param ofBridge    whether it is the bridge's entry
 * @param external    put there by someone who knows ({@code extern_learn})
 * @param pinned      does not age and is not moved by learning ({@code static} or {@code permanent})
 */
public record FdbEntry(int device, String mac, String destination, boolean ofBridge, boolean external, boolean pinned) {}
