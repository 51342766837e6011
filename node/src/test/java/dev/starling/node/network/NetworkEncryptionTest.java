package dev.starling.node.network;

import static dev.starling.node.Sample.N1;
import static dev.starling.node.Sample.N2;
import static dev.starling.node.Sample.N3;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.netlink.overlay.TunnelAlias;
import dev.starling.netlink.xfrm.Cipher;
import dev.starling.netlink.xfrm.Encapsulation;
import dev.starling.netlink.xfrm.EncapsulationSocket;
import dev.starling.netlink.xfrm.EspKey;
import dev.starling.netlink.xfrm.EspSupport;
import dev.starling.netlink.xfrm.PeerAssociations;
import dev.starling.netlink.xfrm.SecurityAssociation;
import dev.starling.netlink.xfrm.VxlanEncryption;
import dev.starling.node.Sample;
import dev.starling.node.agent.LoopbackNode;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.KeyAcknowledgement;
import dev.starling.node.core.NodeEncryption;
import dev.starling.node.core.TunnelReach;
import dev.starling.runtime.RuntimeShimException;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Nodes that hear of each other late and in any order: whatever one sends, the other end can read. */
class NetworkEncryptionTest {
    private static final List<Cipher> BOTH = List.of(Cipher.AES_GCM, Cipher.CHACHA20_POLY1305);
    private static final EspSupport ENCAPSULATES = new EspSupport(BOTH, List.of(), true);
    private static final Duration RENEWAL = Duration.ofHours(12);

    /** The kernel's rules, and none of its lingering: what may go is gone at once. */
    private static final class Kernel implements VxlanEncryption {
        final TreeMap<SecurityAssociation.Id, SecurityAssociation> present = new TreeMap<>();
        final TreeMap<String, SecurityAssociation> outbound = new TreeMap<>();
        private final Set<Integer> used = new HashSet<>();
        boolean refusesPlaintext;

        @Override
        public EncapsulationSocket encapsulationPort(String local, int port) {
            throw new AssertionError("opened by UdpPaths only");
        }

        @Override
        public EspSupport support(String local) {
            throw new AssertionError("asked for once, by the session");
        }

        @Override
        public void refusePlaintext(String local) {
            refusesPlaintext = true;
        }

        private static String from(SecurityAssociation association) {
            return association.encapsulation().map(Encapsulation::innerSource).orElse(association.source());
        }

        private static String to(SecurityAssociation association) {
            return association.encapsulation().map(Encapsulation::innerDestination).orElse(association.destination());
        }

        /** The same key by another path. */
        private boolean moved(SecurityAssociation wanted) {
            return present.values().removeIf(before -> before.spi() == wanted.spi() && before.key().equals(wanted.key()));
        }

        @Override
        public Set<SecurityAssociation.Id> apply(String local, Collection<PeerAssociations> peers, long nowNanos) {
            refusesPlaintext = true;
            Set<String> known = new HashSet<>();
            Set<SecurityAssociation.Id> lost = new HashSet<>();
            for (PeerAssociations peer : peers) {
                known.add(peer.address());
                peer.inbound().forEach(association -> present.put(association.id(), association));
                peer.outbound().ifPresent(association -> {
                    if (used.add(association.spi()) || moved(association)) {
                        present.put(association.id(), association);
                    } else if (!present.containsKey(association.id())) {
                        lost.add(association.id());
                    }
                    outbound.put(peer.address(), association);
                });
                if (peer.settled()) {
                    present.values().removeIf(association -> from(association).equals(peer.address()) && !peer.inbound().contains(association));
                }
            }
            outbound.keySet().retainAll(known);
            present.values().removeIf(association -> !known.contains(from(association)) && !known.contains(to(association)));
            return lost;
        }
    }

    /** As the test says that they were found. */
    private static final class Paths implements TunnelPaths {
        final TreeMap<NodeId, Endpoint> found = new TreeMap<>();
        SortedMap<NodeId, PathFinder.Peer> sought = Collections.emptySortedMap();
        Optional<Endpoint> seenAs = Optional.empty();

        @Override
        public void follow(NodeId self, SortedMap<NodeId, PathFinder.Peer> peers) {
            sought = peers;
        }

        @Override
        public SortedMap<NodeId, Endpoint> found() {
            return new TreeMap<>(found);
        }

        @Override
        public Optional<Endpoint> seenAs() {
            return seenAs;
        }
    }

    /** One node: its record as it says it, and the others' as it has heard of them. */
    private static final class Node implements NetworkEncryption.Announcements {
        final NodeId id;
        final String address;
        final Kernel kernel = new Kernel();
        final TreeMap<NodeId, NodeEncryption> heard = new TreeMap<>();
        final Paths paths = new Paths();
        final NetworkEncryption encryption;
        long now = 1;

        Node(NodeId id, String address, List<Cipher> ciphers) {
            this(id, address, Underlay.open(address), new EspSupport(ciphers, List.of()));
        }

        Node(NodeId id, String address, Underlay underlay, EspSupport support) {
            this.id = id;
            this.address = address;
            this.encryption = new NetworkEncryption(kernel, support, this, underlay, paths, RENEWAL);
            encryption.start(now);
        }

        @Override
        public void keys(List<Bytes> keys, List<String> ciphers, Optional<TunnelReach> reach) {
            heard.put(id, new NodeEncryption(keys, ciphers, heard.containsKey(id) ? heard.get(id).acknowledged() : Collections.emptySortedMap(), reach));
        }

        @Override
        public void acknowledge(SortedMap<NodeId, KeyAcknowledgement> acknowledgements) {
            heard.put(id, new NodeEncryption(heard.get(id).keys(), heard.get(id).ciphers(), new TreeMap<>(acknowledgements), heard.get(id).reach()));
        }

        void hear(Node other) {
            heard.put(other.id, other.heard.get(other.id));
        }

        void reconcile(NodeId... enrolled) {
            now += 3_000_000_000L;
            encryption.reconcile(snapshot(id, heard, enrolled), now);
        }

        void reconcile(Map<NodeId, String> advertised) {
            now += 3_000_000_000L;
            encryption.reconcile(snapshot(id, heard, advertised), now);
        }

        void sends(Node to) {
            Optional.ofNullable(kernel.outbound.get(to.address)).ifPresent(association ->
                    assertEquals(association, to.kernel.present.get(association.id()), id + " sends what " + to.id + " cannot read"));
        }
    }

    private static ClusterSnapshot snapshot(NodeId self, SortedMap<NodeId, NodeEncryption> encryption, NodeId... enrolled) {
        return snapshot(self, encryption, Stream.of(enrolled).collect(Collectors.toMap(node -> node, NetworkEncryptionTest::addressOf)));
    }

    private static ClusterSnapshot snapshot(NodeId self, SortedMap<NodeId, NodeEncryption> encryption, Map<NodeId, String> advertised) {
        ObjectNode body = Sample.networkBody("back", "10.0.1.0/24", 4097);
        body.withObject("/Spec").putObject("Options").put("encrypted", "");
        Sample.Cluster cluster = new Sample.Cluster().has(Kind.NETWORK, "netback", body);
        new TreeMap<>(advertised).forEach((node, address) -> cluster.node(node, address, true));
        ClusterSnapshot plain = cluster.snapshot();
        return new ClusterSnapshot(self, Role.MANAGER, plain.members(), plain.reports(), plain.view(), plain.documents(), plain.certificates(),
                new TreeMap<>(encryption));
    }

    private static String addressOf(NodeId node) {
        return "192.0.2." + (node.equals(N1) ? 1 : node.equals(N2) ? 2 : 3);
    }

    private static Node node(NodeId id, List<Cipher> ciphers) {
        return new Node(id, addressOf(id), ciphers);
    }

    private static void settle(Node one, Node two, NodeId... enrolled) {
        for (int i = 0; i < 6; i++) {
            one.hear(two);
            one.reconcile(enrolled);
            two.hear(one);
            two.reconcile(enrolled);
        }
    }

    @Property(tries = 200)
    void whateverOneSendsTheOtherCanRead(@ForAll long seed) {
        Random random = new Random(seed);
        List<Node> nodes = List.of(node(N1, BOTH), node(N2, BOTH), node(N3, BOTH));
        for (int step = 0; step < 150; step++) {
            Node one = nodes.get(random.nextInt(3));
            Node two = nodes.get(random.nextInt(3));
            switch (random.nextInt(8)) {
                case 0 -> one.now += one.heard.get(one.id).keys().size() < NodeEncryption.MOST_KEYS ? RENEWAL.toNanos() : 0;
                case 1, 2, 3 -> one.hear(two);
                default -> one.reconcile(N1, N2, N3);
            }
            nodes.forEach(from -> nodes.forEach(from::sends));
        }
        for (int i = 0; i < 8; i++) {
            nodes.forEach(one -> nodes.forEach(one::hear));
            nodes.forEach(one -> one.reconcile(N1, N2, N3));
        }
        for (Node one : nodes) {
            assertEquals(2, one.kernel.outbound.size(), "all send in the end");
        }
    }

    @Test
    void nothingIsSentBeforeThePeerHasSaidThatItCanRead() {
        Node one = node(N1, BOTH);
        Node two = node(N2, BOTH);
        one.hear(two);
        one.reconcile(N1, N2);
        assertTrue(one.kernel.refusesPlaintext && one.kernel.outbound.isEmpty() && one.kernel.present.size() == 1);
        settle(one, two, N1, N2);
        assertEquals(2, one.kernel.present.size());
        assertEquals(one.kernel.outbound.get(two.address).key(), two.kernel.present.get(one.kernel.outbound.get(two.address).id()).key());
        assertNotEquals(one.kernel.outbound.get(two.address).key(), two.kernel.outbound.get(one.address).key(), "a key for each direction");
    }

    @Test
    void keysAreChangedInTimeAndTheOldForgotten() {
        Node one = node(N1, BOTH);
        Node two = node(N2, BOTH);
        settle(one, two, N1, N2);
        SecurityAssociation before = one.kernel.outbound.get(two.address);
        one.now += RENEWAL.toNanos();
        settle(one, two, N1, N2);
        assertNotEquals(before.key(), one.kernel.outbound.get(two.address).key());
        assertEquals(1, one.heard.get(N1).keys().size(), "the old key is no longer offered");
    }

    @Test
    void aRemovedNodeHasNothingAtOnce() {
        Node one = node(N1, BOTH);
        Node two = node(N2, BOTH);
        settle(one, two, N1, N2);
        one.reconcile(N1);
        assertTrue(one.kernel.present.isEmpty() && one.kernel.outbound.isEmpty());
        assertEquals(SortedMap.class.cast(new TreeMap<>()), one.heard.get(N1).acknowledged());
    }

    @Test
    void aRemovedNodeHasNoKeyOfWhatIsSentAfterThat() {
        Node one = node(N1, BOTH);
        Node two = node(N2, BOTH);
        Node removed = node(N3, BOTH);
        List<Node> nodes = List.of(one, two, removed);
        for (int i = 0; i < 6; i++) {
            nodes.forEach(node -> nodes.forEach(node::hear));
            nodes.forEach(node -> node.reconcile(N1, N2, N3));
        }
        Set<EspKey> itHas = removed.kernel.present.values().stream().map(SecurityAssociation::key).collect(Collectors.toSet());
        assertEquals(4, itHas.size());
        assertTrue(Stream.of(one, two).allMatch(node -> itHas.contains(node.kernel.outbound.get(removed.address).key())), "it could read what was sent to it");
        settle(one, two, N1, N2);
        for (Node node : List.of(one, two)) {
            assertEquals(1, node.kernel.outbound.size());
            assertTrue(node.kernel.outbound.values().stream().noneMatch(association -> itHas.contains(association.key())));
        }
    }

    @Test
    void whatVanishedFromTheKernelIsNotUsedAgainUnderTheSameKey() {
        Node one = node(N1, BOTH);
        Node two = node(N2, BOTH);
        settle(one, two, N1, N2);
        SecurityAssociation before = one.kernel.outbound.get(two.address);
        one.now += 20_000_000_000L;
        one.kernel.present.clear();
        settle(one, two, N1, N2);
        assertNotEquals(before.key(), one.kernel.outbound.get(two.address).key());
        one.sends(two);
        two.sends(one);
    }

    @Test
    void theCipherIsTheBestOfBothOrTheOneThatNoProcessorIsSlowAt() {
        for (List<Cipher> other : List.of(List.of(Cipher.CHACHA20_POLY1305, Cipher.AES_GCM), List.of(Cipher.CHACHA20_POLY1305))) {
            Node one = node(N1, BOTH);
            Node two = node(N2, other);
            settle(one, two, N1, N2);
            assertEquals(Cipher.CHACHA20_POLY1305, one.kernel.outbound.get(two.address).cipher());
        }
        Node one = node(N1, BOTH);
        Node two = node(N2, BOTH);
        settle(one, two, N1, N2);
        assertEquals(Cipher.AES_GCM, one.kernel.outbound.get(two.address).cipher());
    }

    @Test
    void allBetweenTwoNodesOfWhichOneIsBehindNatGoesInsideUdp() {
        Node inside = new Node(N1, addressOf(N1), new Underlay("192.168.1.5", true, 4500, Optional.empty()), ENCAPSULATES);
        Node outside = new Node(N2, addressOf(N2), Underlay.open(addressOf(N2)), ENCAPSULATES);
        settle(inside, outside, N1, N2);
        String alias = outside.encryption.aliases().get(N1);
        assertTrue(TunnelAlias.isOne(alias) && inside.encryption.aliases().containsKey(N2));
        assertTrue(outside.kernel.outbound.isEmpty() && outside.kernel.present.size() == 1, "taken in, but where to is not known");
        assertEquals(List.of(new Endpoint("192.168.1.5", 4500)), outside.paths.sought.get(N1).candidates());

        outside.paths.found.put(N1, new Endpoint("203.0.113.9", 31_000));
        inside.paths.found.put(N2, new Endpoint(addressOf(N2), 4500));
        inside.paths.seenAs = Optional.of(new Endpoint("203.0.113.9", 31_000));
        settle(inside, outside, N1, N2);
        SecurityAssociation sent = outside.kernel.outbound.get(alias);
        assertEquals(new SecurityAssociation.Id("203.0.113.9", sent.spi()), sent.id());
        assertEquals(Optional.of(new Encapsulation(4500, 31_000, addressOf(N2), alias)), sent.encapsulation());
        SecurityAssociation taken = inside.kernel.present.get(new SecurityAssociation.Id("192.168.1.5", sent.spi()));
        assertEquals(sent.key(), taken.key());
        assertEquals("192.168.1.5", taken.encapsulation().orElseThrow().innerDestination());
        assertEquals(2, outside.paths.sought.get(N1).candidates().size(), "as what it is seen is known to others who are behind NAT");

        outside.paths.found.put(N1, new Endpoint("198.51.100.1", 4500));
        settle(inside, outside, N1, N2);
        assertEquals(sent.key(), outside.kernel.outbound.get(alias).key(), "another path is no reason for another key");
        assertEquals("198.51.100.1", outside.kernel.outbound.get(alias).destination());
        assertEquals(2, outside.kernel.present.size());
    }

    @Test
    void tunnelsGoByIpv6InTheKernelsSpellingAndNotBetweenFamilies() {
        Map<NodeId, String> advertised = Map.of(N1, "fd00:0:0::1", N2, "FD00::2", N3, "192.0.2.3");
        Node one = new Node(N1, "fd00::1", Underlay.open("fd00::1"), ENCAPSULATES);
        Node two = new Node(N2, "fd00::2", Underlay.open("fd00::2"), ENCAPSULATES);
        Node three = node(N3, BOTH);
        List<Node> nodes = List.of(one, two, three);
        for (int i = 0; i < 6; i++) {
            nodes.forEach(node -> nodes.forEach(node::hear));
            nodes.forEach(node -> node.reconcile(advertised));
        }
        assertEquals(Set.of("fd00::2"), one.kernel.outbound.keySet());
        assertEquals("fd00::1", one.kernel.outbound.get("fd00::2").source());
        assertEquals("fd00::2", one.kernel.outbound.get("fd00::2").destination());
        one.sends(two);
        two.sends(one);
        assertTrue(three.kernel.outbound.isEmpty());
        assertTrue(one.heard.get(N1).reach().isEmpty(), "ESP inside UDP goes by IPv4 only");
    }

    @Test
    void twoNodesBehindOneAddressAreTwo() {
        Node outside = new Node(N1, addressOf(N1), Underlay.open(addressOf(N1)), ENCAPSULATES);
        Node one = new Node(N2, "203.0.113.9", new Underlay("192.168.1.5", true, 4500, Optional.empty()), ENCAPSULATES);
        Node two = new Node(N3, "203.0.113.9", new Underlay("192.168.1.6", true, 4500, Optional.empty()), ENCAPSULATES);
        for (int i = 0; i < 4; i++) {
            outside.hear(one);
            outside.hear(two);
            outside.reconcile(N1, N2, N3);
            List.of(one, two).forEach(node -> {
                node.hear(outside);
                node.reconcile(N1, N2, N3);
            });
            outside.paths.found.putAll(Map.of(N2, new Endpoint("203.0.113.9", 31_000), N3, new Endpoint("203.0.113.9", 31_001)));
        }
        assertEquals(2, outside.kernel.outbound.size());
        assertEquals(Set.of(31_000, 31_001), outside.kernel.outbound.values().stream()
                .map(association -> association.encapsulation().orElseThrow().destinationPort()).collect(Collectors.toSet()));
    }

    @Test
    void aPeerThatKnowsNoUdpIsNamedAndNothingIsBetween() {
        Node inside = new Node(N1, addressOf(N1), new Underlay("192.168.1.5", true, 4500, Optional.empty()), ENCAPSULATES);
        Node older = node(N2, BOTH);
        settle(inside, older, N1, N2);
        assertEquals(Map.of(N2, "it cannot take ESP inside UDP"), inside.encryption.unreachable());
        assertTrue(inside.kernel.present.isEmpty());
    }

    @Test
    void aPeerThatDoesNotAnswerIsNamedAfterAWhile() {
        Node inside = new Node(N1, addressOf(N1), new Underlay("192.168.1.5", true, 4500, Optional.empty()), ENCAPSULATES);
        Node outside = new Node(N2, addressOf(N2), Underlay.open(addressOf(N2)), ENCAPSULATES);
        settle(inside, outside, N1, N2);
        assertEquals(Map.of(), inside.encryption.unreachable());
        inside.now += 40_000_000_000L;
        inside.reconcile(N1, N2);
        assertTrue(inside.encryption.unreachable().get(N2).contains("192.0.2.2:4500"), inside.encryption.unreachable()::toString);
    }

    @Test
    void aKernelWithoutEspRefusesAnEncryptedNetworkByName() {
        NetworkEncryption none = new NetworkEncryption(new LoopbackNode.NoEncryption(), new EspSupport(List.of(), List.of("ESP (module esp4)")),
                new NetworkEncryption.Announcements() {
                    @Override
                    public void keys(List<Bytes> keys, List<String> ciphers, Optional<TunnelReach> reach) {
                        assertEquals(List.of(), keys);
                    }

                    @Override
                    public void acknowledge(SortedMap<NodeId, KeyAcknowledgement> acknowledgements) {
                        throw new AssertionError("not expected");
                    }
                }, Underlay.open("192.0.2.1"), new Paths(), RENEWAL);
        none.start(0);
        none.reconcile(snapshot(N1, new TreeMap<>(), N1), 0);
        none.secure(new OverlayNetwork("net", 4097, "10.0.1.0/24", "10.0.1.1", false, 1450));
        assertTrue(assertThrows(RuntimeShimException.class, () -> none.secure(new OverlayNetwork("net", 4097, "10.0.1.0/24", "10.0.1.1", false, 1412, true)))
                .getMessage().contains("ESP (module esp4)"));
    }
}
