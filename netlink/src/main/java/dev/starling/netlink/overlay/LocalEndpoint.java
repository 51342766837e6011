package dev.starling.netlink.overlay;

/**
 * A container's leg in an overlay network.
 *
 * @param id            of the container (device names derive from it)
 * @param address       with prefix length, {@code 10.0.1.18/24}
 * @param interfaceName inside the container: eth0, eth1, ...
 * @param defaultRoute  whether the default route goes through this network's gateway
 */
public record LocalEndpoint(String id, String address, String interfaceName, boolean defaultRoute) {}
