package dev.starling.node.network;

import static dev.starling.node.Sample.N1;
import static dev.starling.node.Sample.N2;
import static dev.starling.node.Sample.N3;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Nodes, routers with NAT between them, and packets: who finds whom, and who does not. */
class PathFinderTest {
    private static final Endpoint PUBLIC = new Endpoint("203.0.113.2", 4500);

    /** A router: gives what leaves a port of its own, and lets in only what comes from where something was sent to. */
    private static final class Router {
        final String address;
        final Map<Endpoint, Integer> ports = new HashMap<>();
        final Map<Integer, List<Endpoint>> sentTo = new HashMap<>();
        int next = 30_000;

        Router(String address) {
            this.address = address;
        }

        Endpoint out(Endpoint from, Endpoint to) {
            int port = ports.computeIfAbsent(from, absent -> next++);
            sentTo.computeIfAbsent(port, absent -> new ArrayList<>()).add(to);
            return new Endpoint(address, port);
        }

        Optional<Endpoint> in(Endpoint from, Endpoint to) {
            return sentTo.getOrDefault(to.port(), List.of()).contains(from)
                    ? ports.entrySet().stream().filter(entry -> entry.getValue() == to.port()).map(Map.Entry::getKey).findFirst() : Optional.empty();
        }

        void forgets() {
            ports.clear();
            sentTo.clear();
        }
    }

    private record Node(NodeId id, Endpoint own, Router router, PathFinder finder) {}

    private final List<Node> nodes = new ArrayList<>();
    private final ArrayDeque<Runnable> wire = new ArrayDeque<>();
    private long now;

    private Node node(NodeId id, Endpoint own, Router router) {
        Node node = new Node(id, own, router, new PathFinder(new Random(id.hashCode())));
        nodes.add(node);
        return node;
    }

    private static PathKey key(NodeId own, NodeId peer) {
        byte[] secret = new byte[PathKey.SECRET_BYTES];
        Arrays.fill(secret, (byte) (own.hashCode() ^ peer.hashCode()));
        return new PathKey("k" + own, "k" + peer, secret);
    }

    private void follow(Node node, Map<NodeId, List<Endpoint>> places) {
        TreeMap<NodeId, PathFinder.Peer> peers = new TreeMap<>();
        places.forEach((peer, candidates) -> peers.put(peer, new PathFinder.Peer(candidates, List.of(key(node.id(), peer)))));
        node.finder().follow(node.id(), peers, now);
    }

    private void send(Node from, PathFinder.Packet packet) {
        Endpoint source = from.router() == null ? from.own() : from.router().out(from.own(), packet.to());
        for (Node node : nodes) {
            boolean reached = node.router() == null ? node.own().equals(packet.to())
                    : node.router() == from.router() && node.own().equals(packet.to())
                            || node.router().address.equals(packet.to().host()) && node.router().in(source, packet.to()).equals(Optional.of(node.own()));
            Endpoint seen = node.router() != null && node.router() == from.router() && node.own().equals(packet.to()) ? from.own() : source;
            if (reached) {
                wire.add(() -> node.finder().received(seen, packet.payload(), now).forEach(answer -> send(node, answer)));
            }
        }
    }

    private void run(long millis) {
        for (long end = now + millis; now < end; now += 500) {
            for (Node node : nodes) {
                node.finder().tick(now).forEach(packet -> send(node, packet));
            }
            while (!wire.isEmpty()) {
                wire.remove().run();
            }
        }
    }

    @Test
    void oneBehindNatFindsAndIsFound() {
        Node inside = node(N1, new Endpoint("192.168.1.5", 4500), new Router("203.0.113.9"));
        Node outside = node(N2, PUBLIC, null);
        follow(inside, Map.of(N2, List.of(PUBLIC)));
        follow(outside, Map.of(N1, List.of(inside.own())));
        run(3_000);
        assertEquals(Map.of(N2, PUBLIC), inside.finder().paths());
        assertEquals(Map.of(N1, new Endpoint("203.0.113.9", 30_000)), outside.finder().paths());
        assertEquals(Optional.of(new Endpoint("203.0.113.9", 30_000)), inside.finder().seenAs());
    }

    @Test
    void aMappingThatChangesIsFollowed() {
        Router router = new Router("203.0.113.9");
        Node inside = node(N1, new Endpoint("192.168.1.5", 4500), router);
        Node outside = node(N2, PUBLIC, null);
        follow(inside, Map.of(N2, List.of(PUBLIC)));
        follow(outside, Map.of(N1, List.of(inside.own())));
        run(3_000);
        router.forgets();
        run(PeerPath.KEEPALIVE_MILLIS + 10_000);
        assertEquals(Map.of(N1, new Endpoint("203.0.113.9", 30_001)), outside.finder().paths());
    }

    @Test
    void twoBehindTwoRoutersFindEachOtherByWhatAThirdSaw() {
        Node one = node(N1, new Endpoint("192.168.1.5", 4500), new Router("203.0.113.9"));
        Node two = node(N3, new Endpoint("192.168.1.5", 4500), new Router("198.51.100.7"));
        Node outside = node(N2, PUBLIC, null);
        follow(outside, Map.of(N1, List.of(), N3, List.of()));
        follow(one, Map.of(N2, List.of(PUBLIC)));
        follow(two, Map.of(N2, List.of(PUBLIC)));
        run(3_000);
        follow(one, Map.of(N2, List.of(PUBLIC), N3, List.of(two.own(), two.finder().seenAs().orElseThrow())));
        follow(two, Map.of(N2, List.of(PUBLIC), N1, List.of(one.own(), one.finder().seenAs().orElseThrow())));
        run(5_000);
        assertEquals(new Endpoint("198.51.100.7", 30_000), one.finder().paths().get(N3));
        assertEquals(new Endpoint("203.0.113.9", 30_000), two.finder().paths().get(N1));
    }

    @Test
    void twoBehindOneRouterMeetDirectly() {
        Router router = new Router("203.0.113.9");
        Node one = node(N1, new Endpoint("192.168.1.5", 4500), router);
        Node two = node(N3, new Endpoint("192.168.1.6", 4500), router);
        follow(one, Map.of(N3, List.of(two.own())));
        follow(two, Map.of(N1, List.of(one.own())));
        run(3_000);
        assertEquals(Map.of(N3, two.own()), one.finder().paths());
        assertEquals(Map.of(N1, one.own()), two.finder().paths());
    }

    @Test
    void aPathThatAnswersIsAskedRarelyAndOneThatDoesNotMoreAndMoreRarely() {
        Node one = node(N1, new Endpoint("192.0.2.1", 4500), null);
        follow(one, Map.of(N2, List.of(PUBLIC)));
        int questions = 0;
        for (; now < 600_000; now += 500) {
            questions += one.finder().tick(now).size();
        }
        assertTrue(questions >= 20 && questions <= 30, questions + " questions in 10 minutes");
        Node two = node(N2, PUBLIC, null);
        follow(two, Map.of(N1, List.of(one.own())));
        run(35_000);
        assertEquals(Map.of(N2, PUBLIC), one.finder().paths());
        questions = 0;
        for (long end = now + PeerPath.KEEPALIVE_MILLIS; now < end; now += 500) {
            List<PathFinder.Packet> packets = one.finder().tick(now);
            questions += packets.size();
            packets.forEach(packet -> send(one, packet));
            while (!wire.isEmpty()) {
                wire.remove().run();
            }
        }
        assertEquals(1, questions, "keeps the mapping of NAT, which lives for 30 s at least");
    }

    @Test
    void anAnswerFromElsewhereOrATwistedOneIsNone() {
        Node one = node(N1, new Endpoint("192.0.2.1", 4500), null);
        follow(one, Map.of(N2, List.of(PUBLIC)));
        PathFinder.Packet question = one.finder().tick(now).get(0);
        PathMessage asked = PathMessage.decode(question.payload()).orElseThrow();
        byte[] answer = asked.answer(one.own()).encode(key(N2, N1));
        one.finder().received(new Endpoint("198.51.100.66", 4500), answer, now);
        assertTrue(one.finder().paths().isEmpty(), "not from where it was asked");
        byte[] twisted = answer.clone();
        twisted[twisted.length - 1] ^= 1;
        one.finder().received(PUBLIC, twisted, now);
        assertTrue(one.finder().paths().isEmpty(), "no tag");
        one.finder().received(PUBLIC, answer, now);
        assertEquals(Map.of(N2, PUBLIC), one.finder().paths());
    }

    @Test
    void aRepeatedQuestionFromElsewhereMovesNothing() {
        Node one = node(N1, new Endpoint("192.0.2.1", 4500), null);
        Node two = node(N2, PUBLIC, null);
        follow(one, Map.of(N2, List.of(PUBLIC)));
        follow(two, Map.of(N1, List.of(one.own())));
        byte[] recorded = two.finder().tick(now).get(0).payload();
        run(2_000);
        int answers = 0;
        for (int i = 0; i < 1_000; i++) {
            answers += one.finder().received(new Endpoint("198.51.100.66", 4500), recorded, now).size();
        }
        assertTrue(answers <= 30, answers + " packets in a second to whom somebody else names");
        run(60_000);
        assertEquals(Map.of(N2, PUBLIC), one.finder().paths());
    }

    @Property(tries = 2_000)
    void whatIsNoMessageIsNone(@ForAll byte[] bytes) {
        assertFalse(PathMessage.decode(bytes).isPresent());
    }

    @Property(tries = 500)
    void aMessageComesBackAndEachTwistedBitIsSeen(@ForAll long nonce, @ForAll boolean answer, @ForAll int bit) {
        PathKey key = key(N1, N2);
        PathMessage question = new PathMessage(N1, N2, "a", "b", nonce, Optional.empty());
        PathMessage message = answer ? question.answer(PUBLIC) : question;
        byte[] encoded = message.encode(key);
        assertEquals(Optional.of(message), PathMessage.decode(encoded));
        assertTrue(key.verifies(encoded));
        encoded[Math.floorMod(bit / 8, encoded.length)] ^= (byte) (1 << (bit & 7));
        assertFalse(key.verifies(encoded));
    }
}
