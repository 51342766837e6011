package dev.starling.gossip.atomix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Role;
import dev.starling.gossip.transport.TestPeer;
import dev.starling.gossip.trust.ClusterAuthority;
import io.atomix.cluster.ClusterMembershipEvent;
import io.atomix.cluster.Member;
import io.atomix.cluster.MemberId;
import io.atomix.cluster.messaging.ClusterCommunicationService;
import io.atomix.utils.net.Address;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Three nodes on loopback with mutual TLS, their membership fed by the test as the node feeds it from gossip. */
@Timeout(300)
class StarlingClusterTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Function<String, byte[]> ENCODE = text -> text.getBytes(StandardCharsets.UTF_8);
    private static final Function<byte[], String> DECODE = bytes -> new String(bytes, StandardCharsets.UTF_8);

    private record Node(TestPeer peer, MembershipFeed feed, StarlingCluster cluster) {
        MemberId id() {
            return MemberId.from(peer.id().value());
        }

        ClusterCommunicationService communication() {
            return cluster.getCommunicationService();
        }

        void learnsOf(Node other) {
            feed.memberUp(other.peer.id(), other.peer.endpoint, Role.MANAGER);
        }
    }

    private final ClusterAuthority authority = ClusterAuthority.create("k3x9");
    private final List<Node> nodes = new ArrayList<>();

    @BeforeEach
    void start() {
        for (int i = 0; i < 3; i++) {
            TestPeer peer = TestPeer.of(authority);
            MembershipFeed feed = new MembershipFeed();
            StarlingCluster cluster = StarlingCluster.create("k3x9", peer.id(), peer.transport, feed);
            nodes.add(new Node(peer, feed, cluster));
            cluster.start().join();
        }
        nodes.forEach(node -> nodes.forEach(node::learnsOf));
    }

    @AfterEach
    void stop() {
        nodes.forEach(node -> {
            node.cluster.stop().join();
            node.peer.close();
        });
    }

    @Test
    void allSeeAllMembersAsUp() {
        Set<String> ids = nodes.stream().map(node -> node.id().id()).collect(Collectors.toCollection(TreeSet::new));
        for (Node node : nodes) {
            Set<Member> members = node.cluster.getMembershipService().getMembers();
            assertEquals(ids, members.stream().map(member -> member.id().id()).collect(Collectors.toCollection(TreeSet::new)));
            assertTrue(members.stream().allMatch(Member::isReachable));
            assertEquals(3, node.cluster.getMembershipService().getReachableMembers().size());
            assertEquals(node.id(), node.cluster.getMembershipService().getLocalMember().id());
        }
    }

    @Test
    void aMemberAnswersARequestByItsId() throws Exception {
        for (Node node : nodes) {
            node.communication().<String, String>subscribe("whoami", DECODE, text -> CompletableFuture.completedFuture(node.id() + " got " + text), ENCODE).join();
        }
        for (Node from : nodes) {
            for (Node to : nodes) {
                String reply = from.communication().send("whoami", "hi", ENCODE, DECODE, to.id(), SOON).get();
                assertEquals(to.id() + " got hi", reply);
            }
        }
    }

    @Test
    void aOneWayMessageBringsItsSenderAlong() throws Exception {
        BlockingQueue<String> got = new LinkedBlockingQueue<>();
        nodes.get(1).communication().<String>subscribe("note", DECODE, (from, text) -> got.add(from + ": " + text), Runnable::run).join();
        nodes.get(0).communication().unicast("note", "reliable", ENCODE, nodes.get(1).id(), true).get();
        assertEquals(nodes.get(0).id() + ": reliable", got.poll(90, TimeUnit.SECONDS));
        nodes.get(2).communication().unicast("note", "maybe", ENCODE, nodes.get(1).id(), false).get();
        assertEquals(nodes.get(2).id() + ": maybe", got.poll(90, TimeUnit.SECONDS));
    }

    @Test
    void aBroadcastReachesTheOthers() throws Exception {
        BlockingQueue<String> got = new LinkedBlockingQueue<>();
        for (Node node : nodes) {
            node.communication().<String>subscribe("all", DECODE, (from, text) -> got.add(node.id().id()), Runnable::run).join();
        }
        nodes.get(0).communication().broadcast("all", "x", ENCODE, true);
        Set<String> reached = new TreeSet<>(Set.of(got.poll(90, TimeUnit.SECONDS), got.poll(90, TimeUnit.SECONDS)));
        assertEquals(new TreeSet<>(Set.of(nodes.get(1).id().id(), nodes.get(2).id().id())), reached);
    }

    @Test
    void membersComeChangeAndGoAsFed() throws Exception {
        Node watcher = nodes.get(0);
        Node other = nodes.get(1);
        BlockingQueue<ClusterMembershipEvent> events = new LinkedBlockingQueue<>();
        watcher.cluster.getMembershipService().addListener(events::add);
        watcher.learnsOf(other);
        watcher.feed.memberDown(other.peer.id());
        ClusterMembershipEvent removed = events.poll(90, TimeUnit.SECONDS);
        assertEquals(ClusterMembershipEvent.Type.MEMBER_REMOVED, removed.type(), "what was known before is no event");
        assertEquals(other.id(), removed.subject().id());
        assertNull(watcher.cluster.getMembershipService().getMember(other.id()));
        ExecutionException unknown = assertThrows(ExecutionException.class,
                () -> watcher.communication().send("whoami", "hi", ENCODE, DECODE, other.id(), SOON).get(90, TimeUnit.SECONDS));
        assertTrue(unknown.getCause() instanceof java.net.ConnectException, unknown.toString());
        watcher.learnsOf(other);
        assertEquals(ClusterMembershipEvent.Type.MEMBER_ADDED, events.poll(90, TimeUnit.SECONDS).type());
        watcher.feed.memberUp(other.peer.id(), new Endpoint("127.0.0.1", 9), Role.MANAGER);
        ClusterMembershipEvent moved = events.poll(90, TimeUnit.SECONDS);
        assertEquals(ClusterMembershipEvent.Type.METADATA_CHANGED, moved.type());
        assertEquals(new Address("127.0.0.1", 9), watcher.cluster.getMembershipService().getMember(other.id()).address());
    }

    @Test
    void whoIsNoMemberIsNotServed() throws Exception {
        Node server = nodes.get(0);
        server.communication().<String, String>subscribe("whoami", DECODE, text -> CompletableFuture.completedFuture("served"), ENCODE).join();
        server.feed.memberDown(nodes.get(1).peer.id());
        ExecutionException refused = assertThrows(ExecutionException.class,
                () -> nodes.get(1).communication().send("whoami", "hi", ENCODE, DECODE, server.id(), SOON).get(90, TimeUnit.SECONDS));
        assertTrue(refused.getMessage().contains("is no member here"), refused.getMessage());
    }

    @Test
    void aMembersAddressInOtherHandsIsNotAsked() throws Exception {
        Node asker = nodes.get(0);
        Node impostor = nodes.get(2);
        impostor.communication().<String, String>subscribe("whoami", DECODE, text -> CompletableFuture.completedFuture("me"), ENCODE).join();
        asker.feed.memberDown(impostor.peer.id());
        asker.feed.memberUp(nodes.get(1).peer.id(), impostor.peer.endpoint, Role.MANAGER); // a wrong or forged address
        ExecutionException refused = assertThrows(ExecutionException.class,
                () -> asker.communication().send("whoami", "hi", ENCODE, DECODE, nodes.get(1).id(), SOON).get(90, TimeUnit.SECONDS));
        assertTrue(refused.getMessage().contains("expected node " + nodes.get(1).peer.id()), refused.getMessage());
    }

    @Test
    void seedsMayChangeAtRunTimeAndAnUnknownSubjectIsNamed() throws Exception {
        nodes.get(0).cluster.seeds(List.of(new Endpoint("10.88.0.11", 7946)));
        nodes.get(0).cluster.seeds(List.of(new Endpoint("10.88.0.12", 7946)));
        ExecutionException refused = assertThrows(ExecutionException.class,
                () -> nodes.get(0).communication().send("nobody", "hi", ENCODE, DECODE, nodes.get(1).id(), SOON).get(90, TimeUnit.SECONDS));
        assertTrue(refused.getMessage().contains("nothing handles 'atomix:nobody'"), refused.getMessage());
    }

    @Test
    void thereIsNoUdpAndNoUnauthenticatedDoor() throws IOException {
        // the kernel's own list of this process's sockets: none of them is UDP
        Set<String> mine = new TreeSet<>();
        try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
            for (Path descriptor : descriptors.toList()) {
                try {
                    mine.add(Files.readSymbolicLink(descriptor).toString());
                } catch (IOException closedMeanwhile) {
                    // the one of the listing itself
                }
            }
        }
        for (String table : List.of("/proc/self/net/udp", "/proc/self/net/udp6")) {
            if (Files.exists(Path.of(table))) {
                for (String line : Files.readAllLines(Path.of(table)).stream().skip(1).toList()) {
                    assertFalse(mine.contains("socket:[" + line.trim().split("\\s+")[9] + "]"), line);
                }
            }
        }
        assertThrows(UnsupportedOperationException.class, () -> nodes.get(0).cluster.getBroadcastService().broadcast("x", new byte[0]));
        assertThrows(UnsupportedOperationException.class, () -> nodes.get(0).cluster.getEventService());
    }
}
