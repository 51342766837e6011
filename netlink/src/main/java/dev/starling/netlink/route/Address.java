package dev.starling.netlink.route;

/** An address of a device; {@code cidr} as in {@code 10.0.1.1/24} or {@code fd00::1/64}. */
public record Address(int device, String cidr) {}
