package dev.starling.netlink.route;

/** An IPv4 address of a device; {@code cidr} as in {@code 10.0.1.1/24}. */
public record Address(int device, String cidr) {}
