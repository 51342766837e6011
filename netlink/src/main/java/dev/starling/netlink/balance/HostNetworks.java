package dev.starling.netlink.balance;

import java.util.List;
import java.util.Optional;

/**
 * What the rules of a host are made from, for one family of addresses: networks, ingress and tasks have those of that family.
 *
 * @param networks the overlay networks that this host has
 * @param ingress  how published ports reach tasks; empty where nothing is published
 */
public record HostNetworks(List<Network> networks, Optional<Ingress> ingress, List<PublishedPort> ports) {
    /** No network of this family. */
    public static final HostNetworks NONE = new HostNetworks(List.of(), Optional.empty(), List.of());

    /** @param bridge its device */
    public record Network(String bridge, String subnet, boolean internal) {}

    /** @param address of this host in it, to which remote tasks answer */
    public record Ingress(String bridge, String address) {}
}
