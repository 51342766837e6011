package dev.starling.gossip.transport;

import static org.junit.jupiter.api.Assertions.fail;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.FreePort;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.PeerIdentity;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/** A transport on loopback that remembers what it was told. */
public final class TestPeer implements TransportListener, AutoCloseable {
    /** A peer that works keeps within it on any machine. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    public record Received(NodeId from, Role role, byte[] payload) {}

    public final NodeCredentials credentials;
    public final Endpoint endpoint;
    public final BlockingQueue<Received> received = new LinkedBlockingQueue<>();
    public final BlockingQueue<NodeId> lost = new LinkedBlockingQueue<>();
    public final PeerTransport transport;

    private TestPeer(NodeCredentials credentials, Endpoint endpoint, UnaryOperator<TransportConfig> config) {
        this.credentials = credentials;
        this.endpoint = endpoint;
        this.transport = PeerTransport.open(config.apply(TransportConfig.of(endpoint, endpoint).withTimeouts(PATIENCE, PATIENCE, Duration.ofMinutes(5))), credentials, this);
    }

    public static TestPeer of(ClusterAuthority cluster) {
        return of(cluster, config -> config);
    }

    public static TestPeer of(ClusterAuthority cluster, UnaryOperator<TransportConfig> config) {
        return of(cluster.enrol(NodeKey.generate(), Role.MANAGER), freeEndpoint(), config);
    }

    public static TestPeer of(NodeCredentials credentials, Endpoint endpoint, UnaryOperator<TransportConfig> config) {
        return new TestPeer(credentials, endpoint, config);
    }

    public static Endpoint freeEndpoint() {
        return new Endpoint("127.0.0.1", FreePort.ofLoopback());
    }

    public NodeId id() {
        return credentials.nodeId();
    }

    public TransportCounters counters() {
        return transport.counters();
    }

    public byte[] nextMessage() throws InterruptedException {
        Received next = received.poll(90, TimeUnit.SECONDS);
        return next == null ? fail("no message within 90 s") : next.payload();
    }

    public static void await(String what, BooleanSupplier condition) throws InterruptedException {
        await(what, Duration.ofSeconds(90), condition);
    }

    public static void await(String what, Duration atMost, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + atMost.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                fail("not within " + atMost + ": " + what);
            }
            Thread.sleep(5);
        }
    }

    @Override
    public void received(PeerIdentity from, byte[] payload) {
        received.add(new Received(from.id(), from.role(), payload));
    }

    @Override
    public void connectionLost(NodeId peer) {
        lost.add(peer);
    }

    @Override
    public void close() {
        transport.close();
    }
}
