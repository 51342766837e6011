package dev.starling.netlink.balance;

import dev.starling.netlink.nft.Transport;
import java.util.SortedSet;

/** A port of this host behind which a service answers. */
public record PublishedPort(Transport transport, int port, SortedSet<Backend> backends, Choice choice) {
    /** "tcp/8080" */
    public String text() {
        return transport.wireName() + "/" + port;
    }
}
