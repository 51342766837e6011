package dev.starling.node.agent;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.FreePort;
import dev.starling.gossip.Role;
import dev.starling.netlink.balance.Balancer;
import dev.starling.netlink.balance.HostNetworks;
import dev.starling.netlink.balance.VirtualService;
import dev.starling.netlink.overlay.LocalEndpoint;
import dev.starling.netlink.overlay.Overlay;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.netlink.overlay.RemoteEndpoint;
import dev.starling.netlink.xfrm.EncapsulationSocket;
import dev.starling.netlink.xfrm.EspSupport;
import dev.starling.netlink.xfrm.PeerAssociations;
import dev.starling.netlink.xfrm.SecurityAssociation;
import dev.starling.netlink.xfrm.VxlanEncryption;
import dev.starling.node.Sample;
import dev.starling.node.api.ClusterControl;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.config.Profile;
import dev.starling.node.host.AgentClock;
import dev.starling.node.host.HostFacts;
import dev.starling.node.image.WatchedImages;
import dev.starling.node.swarm.SwarmDirectory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Vertx;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** A node with everything but a kernel: transport, join listener, store and core are the product's own, on the loopback address. */
public final class LoopbackNode implements AutoCloseable {
    /** It waits for the connection for some seconds only, and on a busy machine those may be over before the manager has its turn. */
    private static final int JOIN_ATTEMPTS = 10;

    final Path directory;
    final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    final Endpoint gossip = new Endpoint("127.0.0.1", FreePort.ofLoopback());
    final Endpoint join = new Endpoint("127.0.0.1", FreePort.ofLoopback());
    final ToldContainers containers = new ToldContainers();
    final BusyboxOnly images = new BusyboxOnly();
    SwarmControl swarm;
    /** What this node's clock shows; may be set while it runs. */
    volatile InstantSource wall = InstantSource.system();
    /** From the next start on, as what follows. */
    volatile VxlanEncryption encryption = new NoEncryption();
    /** Of the config. */
    volatile List<Endpoint> joinAddresses = List.of();
    private final Vertx vertx;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();

    LoopbackNode(Path directory, Vertx vertx) {
        this.directory = directory;
        this.vertx = vertx;
        start();
    }

    /** The agent begins, or begins again after {@link #stop}. */
    void start() {
        NodeConfig defaults = NodeConfig.defaults(directory.getFileName().toString());
        NodeConfig config = defaults.withDataDir(directory)
                .withAddresses(new NodeConfig.Addresses(defaults.addresses().apiSocket(), gossip, gossip, join, List.of()))
                .withJoining(new NodeConfig.Joining(null, null, joinAddresses)).withProfile(Profile.LOCAL);
        swarm = new SwarmControl(new Host(config, HostFacts.read(), "test", new AgentClock(), containers,
                new WatchedImages(images), new NoOverlay(), new NoBalancer(), List.of("everything"),
                encryption, vertx, meters, timer),
                new SwarmDirectory(directory), () -> wall.instant());
        swarm.resume();
    }

    void stop() {
        swarm.close();
    }

    void init() throws Exception {
        swarm.init(new ClusterControl.Init("", "", Sample.json("{}"))).toCompletableFuture().get(90, TimeUnit.SECONDS);
    }

    void join(LoopbackNode manager, Role role) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                SwarmOfLoopbackNodes.done(swarm.join(new ClusterControl.Join("", "", List.of(manager.join.toString()), manager.swarm.joinToken(role), "active")));
                return;
            } catch (ExecutionException e) {
                if (attempt == JOIN_ATTEMPTS || !String.valueOf(e.getMessage()).contains("no manager could be reached")) {
                    throw e;
                }
            }
        }
    }

    /** What a failed test wants to know of it. */
    @Override
    public String toString() {
        String state = swarm.isLocked() ? "locked" : "in no swarm";
        SwarmSession session = swarm.session();
        if (session != null) {
            state = session.role() + " " + session.self() + " that sees " + session.snapshot().members().values().stream()
                    .map(member -> member.id() + " as " + member.role() + " " + member.status()).toList() + " and trusts " + session.trust().roots().trusted().size() + " CAs";
        }
        return directory.getFileName() + " is " + state + ", keys " + (Files.exists(directory.resolve("swarm/vault.lock")) ? "under a lock" : "plain");
    }

    String id() {
        return swarm.session().self().value();
    }

    double metric(String name) {
        return meters.find(name).meters().stream().mapToDouble(meter -> meter.measure().iterator().next().getValue()).sum();
    }

    double metric(String name, String reason) {
        return meters.find(name).tag("reason", reason).meters().stream().mapToDouble(meter -> meter.measure().iterator().next().getValue()).sum();
    }

    @Override
    public void close() {
        stop();
        timer.shutdownNow();
    }

    public static final class NoOverlay implements Overlay {
        @Override
        public boolean hasIpv6() {
            return false;
        }

        @Override
        public void ensure(OverlayNetwork network, String vtep) {
            throw new AssertionError("not expected");
        }

        @Override
        public void attach(OverlayNetwork network, LocalEndpoint endpoint, Path netns) {
            throw new AssertionError("not expected");
        }

        @Override
        public void loopbackUp(Path netns) {
            throw new AssertionError("not expected");
        }

        @Override
        public void detach(OverlayNetwork network, String endpointId) {
            throw new AssertionError("not expected");
        }

        @Override
        public void sync(OverlayNetwork network, Collection<RemoteEndpoint> remotes) {
            throw new AssertionError("not expected");
        }

        @Override
        public void remove(String networkUid) {
            throw new AssertionError("not expected");
        }

        @Override
        public SortedSet<String> present() {
            return new TreeSet<>();
        }

        @Override
        public String bridge(String networkUid) {
            return networkUid;
        }

        @Override
        public String deviceKey(String networkUid) {
            return networkUid;
        }

        @Override
        public void close() {}
    }

    /** Strict: a node whose kernel has no ESP asks for nothing. */
    public static class NoEncryption implements VxlanEncryption {
        private static final EspSupport NONE = new EspSupport(List.of(), List.of("ESP"));

        @Override
        public EspSupport support(String local) {
            return NONE;
        }

        @Override
        public void refusePlaintext(String local) {
            throw new AssertionError("not expected");
        }

        @Override
        public EncapsulationSocket encapsulationPort(String local, int port) {
            throw new AssertionError("not expected");
        }

        @Override
        public Set<SecurityAssociation.Id> apply(String local, Collection<PeerAssociations> peers, long nowNanos) {
            throw new AssertionError("not expected");
        }
    }

    /** Strict: a node whose kernel lacks everything asks for nothing. */
    public static final class NoBalancer implements Balancer {
        @Override
        public List<String> missing() {
            throw new AssertionError("not expected");
        }

        @Override
        public void host(HostNetworks ipv4, HostNetworks ipv6) {
            throw new AssertionError("not expected");
        }

        @Override
        public Optional<String> missingForIpv6() {
            throw new AssertionError("not expected");
        }

        @Override
        public Optional<String> missingForAffinity() {
            throw new AssertionError("not expected");
        }

        @Override
        public void container(String key, Path netns, SortedMap<String, VirtualService> services) {
            throw new AssertionError("not expected");
        }

        @Override
        public void forgetAllBut(SortedSet<String> keys) {
            throw new AssertionError("not expected");
        }

        @Override
        public void remove() {
            throw new AssertionError("not expected");
        }
    }
}
