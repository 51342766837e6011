package dev.starling.node.network;

import dev.starling.netlink.balance.Backend;
import dev.starling.netlink.balance.PublishedPort;
import dev.starling.netlink.overlay.OverlayNetwork;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Published ports with the IPv6 addresses of their tasks, which follow from the others ({@link OverlayNetwork#ipv6}). A port that is the same object
 * as the last time gives the same object, as one service of a thousand changes at a time. Not for several threads.
 */
final class Ipv6Backends {
    private Map<PublishedPort, PublishedPort> made = new IdentityHashMap<>();
    private OverlayNetwork madeIn;

    List<PublishedPort> of(List<PublishedPort> ports, OverlayNetwork ingress) {
        Map<PublishedPort, PublishedPort> known = ingress.equals(madeIn) ? made : Map.of();
        Map<PublishedPort, PublishedPort> now = new IdentityHashMap<>();
        List<PublishedPort> all = new ArrayList<>();
        for (PublishedPort port : ports) {
            PublishedPort before = known.get(port);
            PublishedPort twin = before != null ? before : twin(port, ingress);
            now.put(port, twin);
            all.add(twin);
        }
        made = now;
        madeIn = ingress;
        return Collections.unmodifiableList(all);
    }

    private static PublishedPort twin(PublishedPort port, OverlayNetwork ingress) {
        TreeSet<Backend> backends = new TreeSet<>();
        port.backends().forEach(backend -> ingress.ipv6(backend.address())
                .ifPresent(address -> backends.add(new Backend(address, backend.port(), backend.local()))));
        TreeSet<String> spared = new TreeSet<>();
        port.spared().forEach(address -> ingress.ipv6(address).ifPresent(spared::add));
        return new PublishedPort(port.transport(), port.port(), Collections.unmodifiableSortedSet(backends),
                Collections.unmodifiableSortedSet(spared), port.choice());
    }
}
