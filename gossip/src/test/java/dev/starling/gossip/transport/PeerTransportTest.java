package dev.starling.gossip.transport;

import static dev.starling.gossip.transport.TestPeer.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class PeerTransportTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private final ClusterAuthority cluster = ClusterAuthority.create("k3x9");
    private final List<TestPeer> peers = new ArrayList<>();

    @AfterEach
    void closeAll() {
        peers.forEach(TestPeer::close);
    }

    @Test
    void aMessageArrivesWithTheSenderFromItsCertificate() throws Exception {
        TestPeer a = peer();
        TestPeer b = keep(TestPeer.of(cluster.enrol(NodeKey.generate(), Role.WORKER), TestPeer.freeEndpoint(), config -> config));
        b.transport.send(a.endpoint, bytes("hello"));
        TestPeer.Received got = a.received.poll(90, TimeUnit.SECONDS);
        assertEquals(b.id(), got.from());
        assertEquals(Role.WORKER, got.role());
        assertArrayEquals(bytes("hello"), got.payload());
    }

    @Test
    void onePairUsesOneConnectionForBothDirections() throws Exception {
        TestPeer a = peer();
        TestPeer b = peer();
        b.transport.handle("echo", (from, payload) -> CompletableFuture.completedFuture(payload));
        a.transport.handle("echo", (from, payload) -> CompletableFuture.completedFuture(payload));
        a.transport.send(b.endpoint, bytes("first"));
        b.nextMessage();
        for (int i = 0; i < 50; i++) {
            b.transport.send(a.endpoint, bytes("back " + i));
            assertArrayEquals(bytes("back " + i), a.nextMessage());
            assertArrayEquals(bytes("x"), a.transport.request(b.endpoint, "echo", bytes("x"), SOON).get());
            assertArrayEquals(bytes("y"), b.transport.request(a.endpoint, "echo", bytes("y"), SOON).get());
        }
        assertEquals(1, a.counters().handshakes.sum());
        assertEquals(1, b.counters().handshakes.sum());
    }

    @Test
    void peersThatDialEachOtherAtOnceLoseNothing() throws Exception {
        for (int round = 0; round < 10; round++) {
            TestPeer a = peer();
            TestPeer b = peer();
            a.transport.send(b.endpoint, bytes("a"));
            b.transport.send(a.endpoint, bytes("b"));
            assertArrayEquals(bytes("a"), b.nextMessage());
            assertArrayEquals(bytes("b"), a.nextMessage());
            assertTrue(a.counters().handshakes.sum() <= 2);
        }
    }

    @Test
    void aNodeMaySpeakToItself() throws Exception {
        TestPeer a = peer();
        a.transport.handle("echo", (from, payload) -> CompletableFuture.completedFuture(bytes(from.id().value())));
        assertArrayEquals(bytes(a.id().value()), a.transport.request(a.endpoint, a.id(), "echo", bytes(""), SOON).get());
    }

    @Test
    void messagesOfOneSenderStayInOrder() throws Exception {
        TestPeer a = peer();
        TestPeer b = peer();
        for (int i = 0; i < 500; i++) {
            a.transport.send(b.endpoint, bytes("" + i));
        }
        for (int i = 0; i < 500; i++) {
            assertArrayEquals(bytes("" + i), b.nextMessage());
        }
        assertEquals(0, a.counters().droppedFrames.sum());
    }

    @Test
    void aFrameUpToTheCapPassesAndOneAboveFailsHere() throws Exception {
        TestPeer a = peer();
        TestPeer b = peer();
        b.transport.handle("size", (from, payload) -> CompletableFuture.completedFuture(Arrays.copyOf(payload, payload.length)));
        byte[] large = new byte[4 * 1024 * 1024 - 2048];
        Arrays.fill(large, (byte) 7);
        assertArrayEquals(large, a.transport.request(b.endpoint, "size", large, SOON).get());
        assertReason(TransportException.Reason.TOO_LARGE, a.transport.request(b.endpoint, "size", new byte[5 * 1024 * 1024], SOON));
        b.transport.handle("too much", (from, payload) -> CompletableFuture.completedFuture(new byte[5 * 1024 * 1024]));
        assertTrue(assertReason(TransportException.Reason.FAILED, a.transport.request(b.endpoint, "too much", bytes(""), SOON)).contains("over the frame cap"));
        assertEquals(1, a.counters().handshakes.sum(), "nothing of this costs the connection");
    }

    @Test
    void aRequestEndsInTheRemoteReasonOrATimeout() throws Exception {
        TestPeer a = peer();
        TestPeer b = peer();
        b.transport.handle("throws", (from, payload) -> {
            throw new IllegalStateException("container web.1 has no log");
        });
        b.transport.handle("fails", (from, payload) -> CompletableFuture.failedFuture(new IllegalStateException("gone")));
        b.transport.handle("never", (from, payload) -> new CompletableFuture<>());
        assertTrue(assertReason(TransportException.Reason.FAILED, a.transport.request(b.endpoint, "throws", bytes(""), SOON)).contains("container web.1 has no log"));
        assertTrue(assertReason(TransportException.Reason.FAILED, a.transport.request(b.endpoint, "fails", bytes(""), SOON)).contains("gone"));
        assertTrue(assertReason(TransportException.Reason.NO_HANDLER, a.transport.request(b.endpoint, "what", bytes(""), SOON)).contains("'what'"));
        assertReason(TransportException.Reason.TIMEOUT, a.transport.request(b.endpoint, "never", bytes(""), Duration.ofMillis(100)));
    }

    @Test
    void tooManyRequestsInWorkAreAnsweredBusy() throws Exception {
        TestPeer a = peer();
        TestPeer b = peer();
        CompletableFuture<byte[]> gate = new CompletableFuture<>();
        b.transport.handle("slow", (from, payload) -> gate);
        List<CompletableFuture<byte[]>> inWork = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            inWork.add(a.transport.request(b.endpoint, "slow", bytes(""), SOON));
        }
        assertReason(TransportException.Reason.BUSY, a.transport.request(b.endpoint, "slow", bytes(""), SOON));
        gate.complete(bytes("done"));
        for (CompletableFuture<byte[]> each : inWork) {
            assertArrayEquals(bytes("done"), each.get());
        }
    }

    @Test
    void aRequestToANodeIsNotGivenToAnother() throws Exception {
        TestPeer a = peer();
        TestPeer b = peer();
        b.transport.handle("secret", (from, payload) -> CompletableFuture.completedFuture(payload));
        assertArrayEquals(bytes("x"), a.transport.request(b.endpoint, b.id(), "secret", bytes("x"), SOON).get());
        String message = assertReason(TransportException.Reason.WRONG_PEER, a.transport.request(b.endpoint, a.id(), "secret", bytes("x"), SOON));
        assertTrue(message.contains("node " + b.id() + " answers at") && message.contains("expected node " + a.id()), message);
    }

    @Test
    void aClosedPeerIsReportedRefusedFastAndFoundAgain() throws Exception {
        TestPeer a = peer();
        TestPeer b = peer();
        a.transport.send(b.endpoint, bytes("1"));
        b.nextMessage();
        b.close();
        assertEquals(b.id(), a.lost.poll(90, TimeUnit.SECONDS));
        String message = assertReason(TransportException.Reason.UNREACHABLE, a.transport.request(b.endpoint, "any", bytes(""), SOON));
        assertTrue(message.contains(b.endpoint.toString()), message);
        assertEquals(b.id(), a.lost.poll(90, TimeUnit.SECONDS), "the refused dial is a hint, too");
        TestPeer again = keep(TestPeer.of(b.credentials, b.endpoint, config -> config));
        await("messages pass again", () -> {
            a.transport.send(b.endpoint, bytes("2"));
            return !again.received.isEmpty();
        });
        assertEquals(a.id(), again.received.poll().from());
    }

    @Test
    void aPeerWithoutPowerBlocksNothingAndPilesUpNothing() throws Exception {
        TestPeer a = keep(TestPeer.of(cluster, config -> config.withTimeouts(Duration.ofSeconds(20), Duration.ofSeconds(5), Duration.ofMinutes(5))));
        TestPeer b = peer();
        TestPeer c = peer();
        try (FrozenCable cable = new FrozenCable(b.endpoint)) {
            a.transport.send(cable.endpoint(), bytes("before"));
            b.nextMessage();
            cable.cut();
            byte[] chunk = new byte[64 * 1024];
            long start = System.nanoTime();
            for (int i = 0; i < 2000; i++) { // 125 MiB
                a.transport.send(cable.endpoint(), chunk);
            }
            assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(4), "send must not block until the silence is noticed");
            assertReason(TransportException.Reason.BUSY, a.transport.request(cable.endpoint(), "any", chunk, SOON));
            a.transport.send(c.endpoint, bytes("others are not held up"));
            c.nextMessage();
            assertTrue(a.counters().droppedFrames.sum() > 1500, "dropped " + a.counters().droppedFrames.sum());
            assertEquals(b.id(), a.lost.poll(90, TimeUnit.SECONDS), "its silence is noticed");
        }
    }

    @Test
    void aPeerThatOnlyListensIsNotTakenForDead() throws Exception {
        OnABusyMachine.oneOfThreeIsGood(this::aPeerOnlyListens);
    }

    private void aPeerOnlyListens() throws Exception {
        TestPeer a = keep(TestPeer.of(cluster, config -> config.withTimeouts(Duration.ofSeconds(20), Duration.ofMillis(600), Duration.ofMinutes(5))));
        TestPeer b = peer();
        for (int i = 0; i < 10; i++) { // over three silence timeouts: only pongs come back
            a.transport.send(b.endpoint, bytes("x"));
            b.nextMessage();
            Thread.sleep(200);
        }
        assertNull(a.lost.peek());
        assertEquals(1, a.counters().handshakes.sum());
    }

    @Test
    void anIdleConnectionIsClosedWithoutAlarm() throws Exception {
        TestPeer a = keep(TestPeer.of(cluster, config -> config.withTimeouts(Duration.ofSeconds(20), Duration.ofSeconds(60), Duration.ofMillis(400))));
        TestPeer b = peer();
        a.transport.send(b.endpoint, bytes("1"));
        b.nextMessage();
        await("a second connection is made once the first was idle", () -> {
            if (a.counters().handshakes.sum() == 1) {
                try {
                    Thread.sleep(900);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                a.transport.send(b.endpoint, bytes("2"));
            }
            return a.counters().handshakes.sum() > 1;
        });
        assertNull(a.lost.peek());
        assertNull(b.lost.peek());
    }

    @Test
    void renewedCredentialsAreUsedWithoutDroppingConnections() throws Exception {
        NodeKey key = NodeKey.generate();
        TestPeer a = keep(TestPeer.of(cluster.enrol(key, Role.WORKER), TestPeer.freeEndpoint(), config -> config));
        TestPeer b = peer();
        TestPeer c = peer();
        a.transport.send(b.endpoint, bytes("1"));
        assertEquals(Role.WORKER, b.received.poll(90, TimeUnit.SECONDS).role());
        a.transport.renew(cluster.enrol(key, Role.MANAGER));
        a.transport.send(b.endpoint, bytes("2"));
        assertArrayEquals(bytes("2"), b.nextMessage());
        assertEquals(1, b.counters().handshakes.sum());
        a.transport.send(c.endpoint, bytes("3"));
        TestPeer.Received fresh = c.received.poll(90, TimeUnit.SECONDS);
        assertEquals(Role.MANAGER, fresh.role());
        assertEquals(key.nodeId(), fresh.from());
    }

    @Test
    void aBarredNodeIsCutOffAndStaysOut() throws Exception {
        TestPeer a = peer();
        TestPeer b = peer();
        b.transport.send(a.endpoint, bytes("1"));
        a.nextMessage();
        a.transport.bar(Set.of(b.id()));
        assertEquals(a.id(), b.lost.poll(90, TimeUnit.SECONDS));
        await("its next connection is refused", () -> {
            b.transport.send(a.endpoint, bytes("2"));
            return a.counters().refusedHandshakes.sum() > 0;
        });
        assertNull(a.received.peek());
        a.transport.bar(Set.of());
        await("it is let in again", () -> {
            b.transport.send(a.endpoint, bytes("3"));
            return !a.received.isEmpty();
        });
    }

    @Test
    void aListenAddressThatIsTakenOrAbsentIsExplained() {
        TestPeer a = peer();
        NodeCredentials other = cluster.enrol(NodeKey.generate(), Role.WORKER);
        TransportException taken = assertThrows(TransportException.class, () -> TestPeer.of(other, a.endpoint, config -> config));
        assertEquals("gossip address " + a.endpoint + " is in use: another agent runs, or choose another listen address", taken.getMessage());
        TransportException absent = assertThrows(TransportException.class, () -> TestPeer.of(other, new Endpoint("192.0.2.1", 7946), config -> config));
        assertEquals("gossip address 192.0.2.1:7946 cannot be bound: no interface of this machine has it", absent.getMessage());
    }

    @Test
    void anUnknownNameFailsTheRequestAndHoldsUpNobody() throws Exception {
        TestPeer a = peer();
        TestPeer b = peer();
        CompletableFuture<byte[]> lookup = a.transport.request(new Endpoint("no-such-host.invalid", 7946), "any", bytes(""), SOON);
        a.transport.send(b.endpoint, bytes("meanwhile"));
        b.nextMessage();
        assertTrue(assertReason(TransportException.Reason.UNREACHABLE, lookup).contains("no-such-host.invalid"));
    }

    @Test
    void closingFailsWhatIsInFlightAndWhatComesAfter() throws Exception {
        TestPeer a = peer();
        TestPeer b = peer();
        b.transport.handle("never", (from, payload) -> new CompletableFuture<>());
        a.transport.send(b.endpoint, bytes("1"));
        b.nextMessage();
        CompletableFuture<byte[]> inFlight = a.transport.request(b.endpoint, "never", bytes(""), Duration.ofSeconds(300));
        a.close();
        assertThrows(ExecutionException.class, () -> inFlight.get(60, TimeUnit.SECONDS));
        assertReason(TransportException.Reason.CLOSED, a.transport.request(b.endpoint, "never", bytes(""), SOON));
        a.transport.send(b.endpoint, bytes("into the void"));
    }

    private TestPeer peer() {
        return keep(TestPeer.of(cluster));
    }

    private TestPeer keep(TestPeer peer) {
        peers.add(peer);
        return peer;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String assertReason(TransportException.Reason reason, CompletableFuture<byte[]> reply) {
        ExecutionException failed = assertThrows(ExecutionException.class, () -> reply.get(90, TimeUnit.SECONDS));
        TransportException cause = (TransportException) failed.getCause();
        assertEquals(reason, cause.reason(), cause.getMessage());
        return cause.getMessage();
    }
}
