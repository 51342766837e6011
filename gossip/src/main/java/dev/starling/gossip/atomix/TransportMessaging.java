package dev.starling.gossip.atomix;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.transport.PeerTransport;
import dev.starling.gossip.transport.RequestHandler;
import dev.starling.gossip.trust.PeerIdentity;
import io.atomix.cluster.messaging.ManagedMessagingService;
import io.atomix.cluster.messaging.MessagingException;
import io.atomix.cluster.messaging.MessagingService;
import io.atomix.utils.net.Address;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;

/**
 * Atomix' messaging over our transport. The address of a member stands for the member: where the {@link MembershipFeed} knows who is
 * at an address, only that node's certificate will do; and a handler gets the address that the feed has for the sender's certificate.
 *
 * <p>{@code keepAlive} has no meaning here (connections are always pooled), and each message is acknowledged by its handler.
 */
final class TransportMessaging implements ManagedMessagingService {
    private static final String PREFIX = "atomix:";
    private static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(5);
    private static final byte[] NOTHING = new byte[0];

    private final PeerTransport transport;
    private final MembershipFeed feed;
    private volatile boolean running;

    TransportMessaging(PeerTransport transport, MembershipFeed feed) {
        this.transport = transport;
        this.feed = feed;
    }

    @Override
    public Address address() {
        return Addresses.of(transport.config().advertise());
    }

    @Override
    public CompletableFuture<Void> sendAsync(Address to, String type, byte[] payload, boolean keepAlive) {
        return sendAndReceive(to, type, payload, keepAlive).thenApply(acknowledged -> null);
    }

    @Override
    public CompletableFuture<byte[]> sendAndReceive(Address to, String type, byte[] payload, boolean keepAlive) {
        return sendAndReceive(to, type, payload, keepAlive, DEFAULT_TIMEOUT);
    }

    @Override
    public CompletableFuture<byte[]> sendAndReceive(Address to, String type, byte[] payload, boolean keepAlive, Executor executor) {
        return sendAndReceive(to, type, payload, keepAlive, DEFAULT_TIMEOUT, executor);
    }

    @Override
    public CompletableFuture<byte[]> sendAndReceive(Address to, String type, byte[] payload, boolean keepAlive, Duration timeout, Executor executor) {
        return sendAndReceive(to, type, payload, keepAlive, timeout).whenCompleteAsync((reply, error) -> { }, executor);
    }

    @Override
    public CompletableFuture<byte[]> sendAndReceive(Address to, String type, byte[] payload, boolean keepAlive, Duration timeout) {
        Endpoint endpoint = Addresses.of(to);
        NodeId expected = feed.at(endpoint).map(MembershipFeed.Entry::id).orElse(null);
        return transport.request(endpoint, expected, PREFIX + type, payload, timeout != null ? timeout : DEFAULT_TIMEOUT);
    }

    @Override
    public void registerHandler(String type, BiConsumer<Address, byte[]> handler, Executor executor) {
        handle(type, (from, payload) -> CompletableFuture.supplyAsync(() -> {
            handler.accept(from, payload);
            return NOTHING;
        }, executor));
    }

    @Override
    public void registerHandler(String type, BiFunction<Address, byte[], byte[]> handler, Executor executor) {
        handle(type, (from, payload) -> CompletableFuture.supplyAsync(() -> handler.apply(from, payload), executor));
    }

    @Override
    public void registerHandler(String type, BiFunction<Address, byte[], CompletableFuture<byte[]>> handler) {
        handle(type, handler);
    }

    @Override
    public void unregisterHandler(String type) {
        transport.stopHandling(PREFIX + type);
    }

    private void handle(String type, BiFunction<Address, byte[], CompletableFuture<byte[]>> handler) {
        RequestHandler forMembers = (from, payload) -> memberAddress(from)
                .map(address -> handler.apply(address, payload))
                .orElseGet(() -> CompletableFuture.failedFuture(new MessagingException("node " + from.id() + " is no member here (yet)")));
        transport.handle(PREFIX + type, forMembers);
    }

    private java.util.Optional<Address> memberAddress(PeerIdentity from) {
        return feed.find(from.id()).map(entry -> Addresses.of(entry.endpoint()));
    }

    @Override
    public CompletableFuture<MessagingService> start() {
        running = true;
        return CompletableFuture.completedFuture(this);
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    /** The transport is the node's, and is closed by the node. */
    @Override
    public CompletableFuture<Void> stop() {
        running = false;
        return CompletableFuture.completedFuture(null);
    }
}
