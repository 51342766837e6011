package dev.starling.netlink.xfrm;

import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * By XFRM. For all hosts two policies that drop what goes to the port; before them, for each peer one policy a direction that wants ESP of our group. A renewal never
 * leaves a moment without: associations are added, then the policy's SPI changes in one step, then, when nobody uses them any more, the old ones go.
 */
public final class NetlinkVxlanEncryption implements VxlanEncryption {
    private static final int DROP_PRIORITY = 2_000;
    private static final int PEER_PRIORITY = 1_000;
    /** Packets may be under way, and another core may still be sending by the old policy. */
    private static final long LINGER_NANOS = 10_000_000_000L;

    private static final List<Policy> DROPS = List.of(
        Policy.drop(new Selector(Selector.ANY, Selector.ANY, PORT), Policy.Direction.IN, DROP_PRIORITY),
        Policy.drop(new Selector(Selector.ANY, Selector.ANY, PORT), Policy.Direction.OUT, DROP_PRIORITY));

    private final NetNs namespace;
    /** Under {@code this}: all outbound associations that were ever added. As many as renewals times peers, until the process ends. */
    private final Set<SecurityAssociation.Id> used = new HashSet<>();
    private final Map<SecurityAssociation.Id, Long> unwantedSince = new HashMap<>();

    public NetlinkVxlanEncryption(NetNs namespace) {
        this.namespace = namespace;
    }

    @Override
    public EspSupport support() {
        return EspSupport.of(namespace);
    }

    @Override
    public synchronized void refusePlaintext() {
        try (NetlinkSocket socket = NetlinkSocket.xfrm(namespace)) {
            refusePlaintext(socket, Xfrm.policies(socket));
        }
    }

    private static void refusePlaintext(NetlinkSocket socket, List<Policy> present) {
        socket.executeAll(DROPS.stream().filter(drop -> !present.contains(drop)).map(Xfrm::update).toList());
    }

    @Override
    public synchronized Set<SecurityAssociation.Id> apply(String local, Collection<PeerAssociations> peers, long nowNanos) {
        try (NetlinkSocket socket = NetlinkSocket.xfrm(namespace)) {
            List<Policy> policies = ownPolicies(socket);
            refusePlaintext(socket, policies);
            removeStrangers(socket, policies, peers);
            Map<SecurityAssociation.Id, SecurityAssociation> present = ownAssociations(socket);
            Set<SecurityAssociation.Id> lost = new TreeSet<>();
            socket.executeAll(additions(present, peers, lost));
            peers.forEach(peer -> peer.outbound().ifPresent(association -> used.add(association.id())));
            socket.executeAll(peers.stream().flatMap(peer -> peerPolicies(local, peer, lost).stream())
                .filter(policy -> !policies.contains(policy)).map(Xfrm::update).toList());
            removeLeftovers(socket, present, peers, nowNanos);
            return lost;
        }
    }

    /** Policies first: without its association a policy drops, without its policy an association is of no use. */
    private static void removeStrangers(NetlinkSocket socket, List<Policy> policies, Collection<PeerAssociations> peers) {
        Set<String> known = peers.stream().map(PeerAssociations::address).collect(Collectors.toSet());
        List<Request> removals = new ArrayList<>();
        policies.stream().filter(policy -> !DROPS.contains(policy) && !known.contains(peerOf(policy))).map(Xfrm::delete).forEach(removals::add);
        ownAssociations(socket).values().stream().filter(association -> !known.contains(association.source()) && !known.contains(association.destination()))
            .map(association -> Xfrm.delete(association.id())).forEach(removals::add);
        socket.executeAll(removals);
    }

    private static String peerOf(Policy policy) {
        return policy.direction() == Policy.Direction.IN ? policy.selector().source() : policy.selector().destination();
    }

    private List<Request> additions(Map<SecurityAssociation.Id, SecurityAssociation> present, Collection<PeerAssociations> peers,
            Set<SecurityAssociation.Id> lost) {
        List<Request> additions = new ArrayList<>();
        for (PeerAssociations peer : peers) {
            peer.inbound().stream().filter(wanted -> !wanted.equals(present.get(wanted.id()))).forEach(wanted -> replace(additions, present, wanted));
            peer.outbound().filter(wanted -> !wanted.equals(present.get(wanted.id()))).ifPresent(wanted -> {
                if (used.contains(wanted.id())) {
                    lost.add(wanted.id());
                } else {
                    replace(additions, present, wanted);
                }
            });
        }
        return additions;
    }

    private static void replace(List<Request> requests, Map<SecurityAssociation.Id, SecurityAssociation> present, SecurityAssociation wanted) {
        if (present.containsKey(wanted.id())) {
            requests.add(Xfrm.delete(wanted.id()));
        }
        requests.add(Xfrm.add(wanted));
    }

    private static List<Policy> peerPolicies(String local, PeerAssociations peer, Set<SecurityAssociation.Id> lost) {
        List<Policy> policies = new ArrayList<>();
        policies.add(new Policy(new Selector(peer.address(), local, PORT), Policy.Direction.IN, PEER_PRIORITY,
            Optional.of(new Policy.Template(peer.address(), local, 0, GROUP))));
        peer.outbound().filter(association -> !lost.contains(association.id())).ifPresent(association ->
            policies.add(new Policy(new Selector(local, peer.address(), PORT), Policy.Direction.OUT, PEER_PRIORITY,
                Optional.of(new Policy.Template(local, peer.address(), association.spi(), GROUP)))));
        return policies;
    }

    /** Outbound ones once no policy names them, inbound ones once the peer sends under another; both after a while. */
    private void removeLeftovers(NetlinkSocket socket, Map<SecurityAssociation.Id, SecurityAssociation> present, Collection<PeerAssociations> peers,
            long nowNanos) {
        Set<SecurityAssociation.Id> keep = new HashSet<>();
        Set<String> settled = new HashSet<>();
        for (PeerAssociations peer : peers) {
            peer.inbound().forEach(association -> keep.add(association.id()));
            peer.outbound().ifPresent(association -> keep.add(association.id()));
            if (peer.settled()) {
                settled.add(peer.address());
            }
        }
        ownPolicies(socket).forEach(policy -> policy.template().filter(template -> template.spi() != 0)
            .ifPresent(template -> keep.add(new SecurityAssociation.Id(template.destination(), template.spi()))));
        Set<SecurityAssociation.Id> unwanted = present.values().stream()
            .filter(association -> !keep.contains(association.id()))
            .filter(association -> settled.contains(association.source()) || settled.contains(association.destination()))
            .map(SecurityAssociation::id).collect(Collectors.toCollection(TreeSet::new));
        unwantedSince.keySet().retainAll(unwanted);
        unwanted.forEach(id -> unwantedSince.putIfAbsent(id, nowNanos));
        socket.executeAll(unwanted.stream().filter(id -> nowNanos - unwantedSince.get(id) >= LINGER_NANOS).map(Xfrm::delete).toList());
    }

    private static Map<SecurityAssociation.Id, SecurityAssociation> ownAssociations(NetlinkSocket socket) {
        return Xfrm.associations(socket).stream().filter(association -> association.group() == GROUP)
            .collect(Collectors.toMap(SecurityAssociation::id, Function.identity(), (one, other) -> other, TreeMap::new));
    }

    private static List<Policy> ownPolicies(NetlinkSocket socket) {
        return Xfrm.policies(socket).stream().filter(policy -> policy.selector().destinationPort() == PORT).toList();
    }
}
