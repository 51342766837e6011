package dev.starling.gossip.atomix;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.transport.PeerTransport;
import io.atomix.cluster.AtomixCluster;
import io.atomix.cluster.ClusterConfig;
import io.atomix.cluster.MemberConfig;
import io.atomix.cluster.MemberId;
import io.atomix.cluster.messaging.ClusterEventService;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * An Atomix cluster on our transport and our membership. Only the parts in use are started: messaging, unicast, members and
 * communication. Those who use it need no type of Atomix. Atomix' event service is not: it gossips its subscriptions in Kryo 4.
 *
 * <pre>{@code
 * MembershipFeed feed = new MembershipFeed();
 * StarlingCluster cluster = StarlingCluster.create(clusterId, self, transport, feed);
 * cluster.start().join();
 * feed.memberUp(peer, endpoint, role);                       // as gossip learns of it
 * cluster.ask(peer, "logs", query, timeout);
 * }</pre>
 */
public final class StarlingCluster extends AtomixCluster {
    private final FedDiscovery discovery;

    private StarlingCluster(ClusterConfig config, TransportMessaging messaging, FedDiscovery discovery) {
        super(config, null, messaging, new TransportUnicast(messaging), new NoBroadcast());
        this.discovery = discovery;
    }

    /** {@code self} must be the node whose credentials {@code transport} shows. Stopping the cluster leaves the transport open. */
    public static StarlingCluster create(String clusterId, NodeId self, PeerTransport transport, MembershipFeed feed) {
        FedDiscovery discovery = new FedDiscovery(feed);
        MemberConfig member = new MemberConfig().setId(MemberId.from(self.value())).setAddress(Addresses.of(transport.config().advertise()));
        ClusterConfig config = new ClusterConfig().setClusterId(clusterId).setNodeConfig(member).setDiscoveryConfig(discovery.config())
                .setProtocolConfig(new FedMembership(feed).config());
        return new StarlingCluster(config, new TransportMessaging(transport, feed), discovery);
    }

    /** The addresses to find the cluster at, from now on. */
    public void seeds(Collection<Endpoint> endpoints) {
        discovery.seeds(endpoints);
    }

    /** Asks {@code node}, by id and not by address; fails where it is not a member, does not answer in {@code timeout}, or its handler failed. */
    public CompletableFuture<byte[]> ask(NodeId node, String subject, byte[] request, Duration timeout) {
        return getCommunicationService().send(subject, request, Function.identity(), Function.identity(), MemberId.from(node.value()), timeout);
    }

    /** Answers what other members {@link #ask} under {@code subject}. One handler a subject. */
    public CompletableFuture<Void> answer(String subject, Function<byte[], CompletionStage<byte[]>> handler) {
        return getCommunicationService().<byte[], byte[]>subscribe(subject, Function.identity(),
                request -> handler.apply(request).toCompletableFuture(), Function.identity());
    }

    @Override
    public ClusterEventService getEventService() {
        throw new UnsupportedOperationException("Atomix' event service is not part of a Starling cluster");
    }

    @Override
    protected CompletableFuture<Void> startServices() {
        return messagingService.start()
                .thenCompose(started -> unicastService.start())
                .thenCompose(started -> membershipService.start())
                .thenCompose(started -> communicationService.start())
                .thenApply(started -> null);
    }

    @Override
    protected CompletableFuture<Void> stopServices() {
        return communicationService.stop()
                .thenCompose(stopped -> membershipService.stop())
                .thenCompose(stopped -> unicastService.stop())
                .thenCompose(stopped -> messagingService.stop());
    }
}
