package dev.starling.netlink.xfrm;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.ArrayList;
import java.util.Arrays;
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
import java.util.stream.Stream;

/**
 * By XFRM. For all hosts two policies that drop what goes to the port; before them, for each peer one policy a direction that wants ESP of our group. A renewal never
 * leaves a moment without: associations are added, then the policy's SPI changes in one step, then, when nobody uses them any more, the old ones go.
 */
public final class NetlinkVxlanEncryption implements VxlanEncryption {
    private static final int DROP_PRIORITY = 2_000;
    private static final int PEER_PRIORITY = 1_000;
    /** Packets may be under way, and another core may still be sending by the old policy. */
    private static final long LINGER_NANOS = 10_000_000_000L;
    /** More than can be sent between a look at an association's counter and its end, where the peer is reached by another path from now on. */
    private static final long MOVE_PACKETS = 1 << 20;

    private static final List<Policy> DROPS = drops(Selector.ANY);
    /** A kernel without IPv6 takes none of these. */
    private static final List<Policy> IPV6_DROPS = drops(Selector.ANY_IPV6);

    private final NetNs namespace;
    /** Under {@code this}: the SPIs of all outbound associations that were ever added, which stand for their keys. As many as renewals times peers, until the process ends. */
    private final Set<Integer> used = new HashSet<>();
    private final Map<SecurityAssociation.Id, Long> unwantedSince = new HashMap<>();

    public NetlinkVxlanEncryption(NetNs namespace) {
        this.namespace = namespace;
    }

    private static List<Policy> drops(String any) {
        return Arrays.stream(Policy.Direction.values()).map(direction -> Policy.drop(new Selector(any, any, PORT), direction, DROP_PRIORITY)).toList();
    }

    @Override
    public EspSupport support(String local) {
        return EspSupport.of(namespace, AddressText.isIpv6(local));
    }

    @Override
    public synchronized void refusePlaintext(String local) {
        try (NetlinkSocket socket = NetlinkSocket.xfrm(namespace)) {
            refusePlaintext(socket, local, Xfrm.policies(socket));
        }
    }

    @Override
    public EncapsulationSocket encapsulationPort(String local, int port) {
        return EncapsulationSocket.open(namespace, local, port);
    }

    private static void refusePlaintext(NetlinkSocket socket, String local, List<Policy> present) {
        socket.executeAll((AddressText.isIpv6(local) ? IPV6_DROPS : DROPS).stream().filter(drop -> !present.contains(drop)).map(Xfrm::update).toList());
    }

    @Override
    public synchronized Set<SecurityAssociation.Id> apply(String local, Collection<PeerAssociations> peers, long nowNanos) {
        try (NetlinkSocket socket = NetlinkSocket.xfrm(namespace)) {
            List<Policy> policies = ownPolicies(socket);
            refusePlaintext(socket, local, policies);
            removeStrangers(socket, policies, peers);
            Map<SecurityAssociation.Id, SecurityAssociation> present = ownAssociations(socket);
            Set<SecurityAssociation.Id> lost = new TreeSet<>();
            socket.executeAll(additions(present, peers, lost));
            Set<SecurityAssociation.Id> left = move(socket, present, peers);
            peers.forEach(peer -> peer.outbound().ifPresent(association -> used.add(association.spi())));
            socket.executeAll(peers.stream().flatMap(peer -> peerPolicies(local, peer, lost).stream())
                .filter(policy -> !policies.contains(policy)).map(Xfrm::update).toList());
            socket.executeAll(left.stream().map(Xfrm::delete).toList());
            removeLeftovers(socket, present, peers, nowNanos);
            return lost;
        }
    }

    /** Policies first: without its association a policy drops, without its policy an association is of no use. */
    private static void removeStrangers(NetlinkSocket socket, List<Policy> policies, Collection<PeerAssociations> peers) {
        Set<String> known = peers.stream().map(PeerAssociations::address).collect(Collectors.toSet());
        List<Request> removals = new ArrayList<>();
        policies.stream().filter(policy -> !DROPS.contains(policy) && !IPV6_DROPS.contains(policy) && !known.contains(peerOf(policy))).map(Xfrm::delete).forEach(removals::add);
        ownAssociations(socket).values().stream().filter(association -> !association.isWith(known))
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
            peer.inbound().stream().filter(wanted -> isMissing(present, wanted)).forEach(wanted -> replace(additions, present, wanted));
            peer.outbound().filter(wanted -> isMissing(present, wanted)).ifPresent(wanted -> {
                if (used.contains(wanted.spi())) {
                    lost.add(wanted.id());
                } else {
                    replace(additions, present, wanted);
                }
            });
        }
        return additions;
    }

    /** Whether it is there neither as it is wanted nor, with the same key, by another path. */
    private static boolean isMissing(Map<SecurityAssociation.Id, SecurityAssociation> present, SecurityAssociation wanted) {
        return !wanted.equals(present.get(wanted.id())) && beforeMove(present, wanted).isEmpty();
    }

    private static Optional<SecurityAssociation> beforeMove(Map<SecurityAssociation.Id, SecurityAssociation> present, SecurityAssociation wanted) {
        return present.values().stream().filter(association -> association.sharesKeyWith(wanted)).findFirst();
    }

    /**
     * Peers that are reached by another path: their associations go there with what they have counted and, outbound, some more.
     *
     * @return what is to go once the policies name the new ones
     */
    private static Set<SecurityAssociation.Id> move(NetlinkSocket socket, Map<SecurityAssociation.Id, SecurityAssociation> present,
            Collection<PeerAssociations> peers) {
        Map<SecurityAssociation, SecurityAssociation> moves = new HashMap<>();
        peers.stream().flatMap(peer -> Stream.concat(peer.inbound().stream(), peer.outbound().stream()))
            .filter(wanted -> !wanted.equals(present.get(wanted.id())))
            .forEach(wanted -> beforeMove(present, wanted).ifPresent(before -> moves.put(before, wanted)));
        if (moves.isEmpty()) {
            return Set.of();
        }
        Map<SecurityAssociation.Id, ReplayState> counted = Xfrm.replayStates(socket);
        Set<SecurityAssociation.Id> left = new TreeSet<>();
        List<Request> requests = new ArrayList<>();
        moves.forEach((before, wanted) -> {
            if (before.id().equals(wanted.id())) {
                requests.add(Xfrm.delete(before.id()));
            } else {
                left.add(before.id());
            }
            requests.add(Xfrm.add(wanted, counted.getOrDefault(before.id(), ReplayState.fresh()).afterSending(MOVE_PACKETS)));
        });
        socket.executeAll(requests);
        return left;
    }

    private static void replace(List<Request> requests, Map<SecurityAssociation.Id, SecurityAssociation> present, SecurityAssociation wanted) {
        if (present.containsKey(wanted.id())) {
            requests.add(Xfrm.delete(wanted.id()));
        }
        requests.add(Xfrm.add(wanted));
    }

    private static List<Policy> peerPolicies(String local, PeerAssociations peer, Set<SecurityAssociation.Id> lost) {
        List<Policy> policies = new ArrayList<>();
        Mode mode = peer.mode();
        policies.add(new Policy(new Selector(peer.address(), local, PORT), Policy.Direction.IN, PEER_PRIORITY,
            Optional.of(new Policy.Template(mode == Mode.BEET ? Selector.ANY : peer.address(), local, 0, GROUP, mode))));
        peer.outbound().filter(association -> !lost.contains(association.id())).ifPresent(association ->
            policies.add(new Policy(new Selector(local, peer.address(), PORT), Policy.Direction.OUT, PEER_PRIORITY,
                Optional.of(new Policy.Template(local, association.destination(), association.spi(), GROUP, mode)))));
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
            .filter(association -> association.isWith(settled))
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
