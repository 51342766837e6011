package dev.starling.gossip.atomix;

import dev.starling.gossip.Endpoint;
import io.atomix.utils.net.Address;

/** Atomix' addresses and ours. None of them is looked up here. */
final class Addresses {
    private Addresses() {}

    static Address of(Endpoint endpoint) {
        return new Address(endpoint.host(), endpoint.port());
    }

    static Endpoint of(Address address) {
        return new Endpoint(address.host(), address.port());
    }
}
