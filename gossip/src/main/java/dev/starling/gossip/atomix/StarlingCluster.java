package dev.starling.gossip.atomix;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.transport.PeerTransport;
import io.atomix.cluster.AtomixCluster;
import io.atomix.cluster.ClusterConfig;
import io.atomix.cluster.MemberConfig;
import io.atomix.cluster.MemberId;
import io.atomix.cluster.messaging.ClusterEventService;
import java.util.Collection;
import java.util.concurrent.CompletableFuture;

/**
 * An Atomix cluster on our transport and our membership. Only the parts in use are started: messaging, unicast, members and
 * {@code getCommunicationService()}. Atomix' event service is not: it gossips its subscriptions in Kryo 4.
 *
 * <pre>{@code
 * MembershipFeed feed = new MembershipFeed();
 * StarlingCluster cluster = StarlingCluster.create(clusterId, self, transport, feed);
 * cluster.start().join();
 * feed.memberUp(peer, endpoint, role);                       // as gossip learns of it
 * cluster.getCommunicationService().send("logs", query, encode, decode, MemberId.from(peer.value()), timeout);
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
