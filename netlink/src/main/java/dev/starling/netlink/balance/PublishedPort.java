package dev.starling.netlink.balance;

import dev.starling.netlink.nft.Transport;
import java.util.Collections;
import java.util.SortedSet;

/**
 * A port of this host behind which a service answers.
 *
 * @param backends that new connections are given to
 * @param spared   addresses of others, which keep the flows that they have and are given nothing new
 */
public record PublishedPort(Transport transport, int port, SortedSet<Backend> backends, SortedSet<String> spared, Choice choice) {
    public PublishedPort(Transport transport, int port, SortedSet<Backend> backends, Choice choice) {
        this(transport, port, backends, Collections.emptySortedSet(), choice);
    }

    /** "tcp/8080" */
    public String text() {
        return transport.wireName() + "/" + port;
    }
}
