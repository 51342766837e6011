package dev.starling.gossip.atomix;

import dev.starling.gossip.Endpoint;
import io.atomix.cluster.BootstrapService;
import io.atomix.cluster.Node;
import io.atomix.cluster.discovery.NodeDiscoveryConfig;
import io.atomix.cluster.discovery.NodeDiscoveryEvent;
import io.atomix.cluster.discovery.NodeDiscoveryEventListener;
import io.atomix.cluster.discovery.NodeDiscoveryProvider;
import io.atomix.utils.event.AbstractListenerManager;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Where nodes may be: the seeds, which may change at run time, and the addresses of the members that are up. */
final class FedDiscovery extends AbstractListenerManager<NodeDiscoveryEvent, NodeDiscoveryEventListener> implements NodeDiscoveryProvider {
    private final MembershipFeed feed;
    private final MembershipFeed.Listener listener = this::changed;
    private volatile Set<Node> seeds = Set.of();

    FedDiscovery(MembershipFeed feed) {
        this.feed = feed;
    }

    synchronized void seeds(Collection<Endpoint> endpoints) {
        Set<Node> before = seeds;
        Set<Node> now = new LinkedHashSet<>();
        endpoints.forEach(endpoint -> now.add(Node.builder().withId(endpoint.toString()).withAddress(Addresses.of(endpoint)).build()));
        seeds = Set.copyOf(now);
        now.stream().filter(node -> !before.contains(node)).forEach(node -> post(new NodeDiscoveryEvent(NodeDiscoveryEvent.Type.JOIN, node)));
        before.stream().filter(node -> !now.contains(node)).forEach(node -> post(new NodeDiscoveryEvent(NodeDiscoveryEvent.Type.LEAVE, node)));
    }

    @Override
    public Set<Node> getNodes() {
        Set<Node> nodes = new LinkedHashSet<>(seeds);
        feed.members().forEach(entry -> nodes.add(node(entry)));
        return nodes;
    }

    @Override
    public CompletableFuture<Void> join(BootstrapService bootstrap, Node localNode) {
        feed.listen(listener);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<Void> leave(Node localNode) {
        feed.stopListening(listener);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public NodeDiscoveryConfig config() {
        return new Config(this);
    }

    private void changed(MembershipFeed.Change change) {
        if (change.before() != null) {
            post(new NodeDiscoveryEvent(NodeDiscoveryEvent.Type.LEAVE, node(change.before())));
        }
        if (change.now() != null) {
            post(new NodeDiscoveryEvent(NodeDiscoveryEvent.Type.JOIN, node(change.now())));
        }
    }

    private static Node node(MembershipFeed.Entry entry) {
        return Node.builder().withId(entry.id().value()).withAddress(Addresses.of(entry.endpoint())).build();
    }

    /** How Atomix' configuration is led to the one instance that is there. */
    private static final class Config extends NodeDiscoveryConfig {
        private final FedDiscovery instance;

        Config(FedDiscovery instance) {
            this.instance = instance;
        }

        @Override
        public NodeDiscoveryProvider.Type<Config> getType() {
            return new Type(instance);
        }
    }

    private record Type(FedDiscovery instance) implements NodeDiscoveryProvider.Type<Config> {
        @Override
        public String name() {
            return "starling";
        }

        @Override
        public Config newConfig() {
            return new Config(instance);
        }

        @Override
        public NodeDiscoveryProvider newProvider(Config config) {
            return instance;
        }
    }
}
