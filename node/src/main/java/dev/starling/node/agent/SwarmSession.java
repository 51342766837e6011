package dev.starling.node.agent;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.codec.MessageFormatException;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.store.NodeStore;
import dev.starling.gossip.transport.PeerTransport;
import dev.starling.gossip.transport.TransportConfig;
import dev.starling.gossip.transport.TransportListener;
import dev.starling.gossip.trust.CertificateGuard;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.DesiredSigner;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeCore;
import dev.starling.node.core.NodeEffect;
import dev.starling.node.core.NodeReport;
import dev.starling.node.dns.DnsConfig;
import dev.starling.node.dns.DnsServer;
import dev.starling.node.join.JoinServer;
import dev.starling.node.spec.DockerSpecReader;
import dev.starling.node.spec.NodeSpecReader;
import dev.starling.runtime.Container;
import dev.starling.scheduler.Scheduler;
import dev.starling.scheduler.SchedulerConfig;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.Time;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All that exists while this node is a member of a swarm: identity, transport, core, disk, tasks, networks. Made on init, join or a start
 * with an identity on disk; closed on leave or the agent's end.
 */
final class SwarmSession implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SwarmSession.class);

    private final Host host;
    private volatile NodeCredentials credentials;
    private final ClusterAuthority authority;
    private final SealingKey dataKey;
    private final Endpoint advertise;
    private final NodeStore store;
    private final Storage storage;
    private final PeerTransport transport;
    private final ClusterEdge edge;
    private final SessionSecrets secrets;
    private final TaskRunner tasks;
    private final DnsServer dns;
    private final OverlayRunner overlays;
    private final AgentTaskLogs logs;
    private final PendingWrites writes;
    private final CoreLoop loop;
    private final NodeMetrics metrics;
    private final EnrolledWriters writers;
    /** Null on a worker. */
    private final CertificateDesk desk;
    private final CertificateKeeper keeper;
    private final JoinServer joinServer;
    private final GossipConfig gossipConfig;
    private final ThreadLocal<MessageCodec> codec;
    /** The transport listens before the rest is made; what arrives until then is dropped, as on any lossy wire. */
    private volatile boolean started;

    /** @param identity its authority, the CA with its key, is there on a manager only */
    static SwarmSession open(Host host, SwarmDirectory.Identity identity, NodeStore store, Collection<Endpoint> seeds, OwnCertificate.Installer installer) {
        SwarmSession session;
        try {
            session = new SwarmSession(host, identity, store, installer);
        } catch (RuntimeException e) {
            store.close(); // most likely the gossip address is in use; the next try opens it anew
            throw e;
        }
        try {
            session.start(seeds);
            return session;
        } catch (RuntimeException e) {
            session.close();
            throw e;
        }
    }

    private SwarmSession(Host host, SwarmDirectory.Identity identity, NodeStore store, OwnCertificate.Installer installer) {
        this.host = host;
        this.credentials = identity.credentials();
        this.authority = identity.authority();
        this.dataKey = identity.dataKey();
        this.advertise = identity.advertise();
        this.store = store;
        this.gossipConfig = switch (host.config().profile()) {
            case LOCAL -> GossipConfig.local();
            case LAN -> GossipConfig.lan();
            case WAN -> GossipConfig.wan();
        };
        this.codec = ThreadLocal.withInitial(() -> new MessageCodec(gossipConfig.maxMessageBytes()));
        this.metrics = new NodeMetrics(host.meters());
        this.transport = PeerTransport.open(TransportConfig.of(host.config().listen(), advertise), credentials, new Receiver());
        this.writers = new EnrolledWriters(new CertificateGuard(credentials.ca()));
        this.desk = authority == null ? null : new CertificateDesk(authority, dataKey, this::snapshot);
        this.storage = new Storage(store);
        this.writes = new PendingWrites(host.timer());
        this.edge = new ClusterEdge(transport, credentials);
        this.keeper = new CertificateKeeper(new OwnCertificate(this, edge, desk, installer), host.timer(), new SecureRandom());
        this.dns = new DnsServer(DnsConfig.standard());
        this.overlays = new OverlayRunner(host.overlay(), dns, advertise.host());
        this.secrets = new SessionSecrets(host, identity, edge, this::snapshot);
        this.tasks = new TaskRunner(host.runtime(), new TaskPreparation(host, overlays, secrets.files()), this::snapshot,
                report -> tell((core, now) -> {
                    core.report(report, now);
                    metrics.reported(report, core.snapshot(), now);
                }));
        this.logs = new AgentTaskLogs(self(), host.runtime(), tasks::containerOf, edge::askForLog);
        NodeCore core = newCore();
        this.loop = new CoreLoop(core, host.clock(), new EffectRunner(new Ports(), storage, tasks));
        loop.onSnapshot(snapshot -> changed(snapshot, core.malformedValues()));
        this.joinServer = authority == null ? null
                : new JoinServer(host.vertx(), authority, this::credentials, new JoinCluster(this));
    }

    private NodeCore newCore() {
        RandomGenerator random = new SecureRandom();
        Member own = new Member(self(), advertise, credentials.role(), store.nextBoot(host.clock().now().wallMillis()), 0, MemberStatus.ALIVE);
        Gossip gossip = new Gossip(gossipConfig, own, random, writers);
        writers.consult(gossip.desired());
        Scheduler scheduler = new Scheduler(self(), SchedulerConfig.defaults(), random);
        NodeCore core = new NodeCore(self(), credentials.role(), NodeCore.Config.defaults(), gossip, scheduler, new DockerSpecReader(),
                object -> new DesiredSigner(credentials).sign(object), random);
        core.restore(store.loadDesired(), new TreeMap<>(store.loadRecord()), store.loadMembers());
        return core;
    }

    private void start(Collection<Endpoint> seeds) {
        edge.start(seeds);
        edge.answerLogs(logs::answer);
        secrets.start(edge);
        if (desk != null) {
            edge.answerRenewals((from, request) -> host.vertx().executeBlocking(() -> desk.issue(from, request).encode(), false)
                    .toCompletionStage());
        }
        NodeReport report = report();
        loop.tell((core, now) -> {
            Set<String> known = new HashSet<>();
            for (Task task : core.view().tasks().getOrDefault(self(), List.of())) {
                known.add(task.id());
            }
            for (Task task : core.activeTasks()) {
                known.add(task.id());
                core.report(tasks.adopt(task), now);
            }
            tasks.sweep(known);
            core.describe(report, now);
            core.start(seeds, now);
        });
        host.images().onChange(this::describe);
        loop.start();
        started = true;
        overlays.start();
        metrics.bind(loop, storage, transport, overlays, joinServer);
        metrics.bind(keeper, desk, writers);
        metrics.bind(secrets);
        if (joinServer != null) {
            joinServer.listen(host.config().joinListen());
        }
        keeper.start();
        LOG.info("node {} ({}) is in swarm {} as {}, gossip at {}", self(), host.config().name(), credentials.clusterId(),
                credentials.role(), advertise);
    }

    /** On the core's thread. */
    private void changed(ClusterSnapshot snapshot, long malformedValues) {
        if (roleOf(snapshot) != credentials.role()) {
            keeper.roleMayHaveChanged();
        }
        overlays.update(snapshot);
        metrics.update(snapshot, malformedValues);
    }

    /** What this node says of itself; sent anew when images come or go. */
    private void describe() {
        NodeReport report = report();
        tell((core, now) -> core.describe(report, now));
    }

    private NodeReport report() {
        NodeConfig config = host.config();
        Resources has = host.facts().capacity();
        Resources offers = new Resources(config.resources().nanoCpus() > 0 ? config.resources().nanoCpus() : has.nanoCpus(),
                config.resources().memoryBytes() > 0 ? config.resources().memoryBytes() : has.memoryBytes());
        return new NodeReport(config.name(), advertise.host(), new Endpoint(advertise.host(), config.joinListen().port()).toString(),
                credentials.role(), host.facts().platform(), offers, host.version(),
                Collections.unmodifiableSortedMap(new TreeMap<>(config.labels())), host.images().names(),
                Collections.unmodifiableSortedSet(new TreeSet<>(host.facts().warnings())));
    }

    /** A container of this node ended. */
    void containerEnded(Container container) {
        tasks.exited(container);
    }

    void healthChanged(Container container) {
        tasks.healthChanged(container);
    }

    NodeId self() {
        return credentials.nodeId();
    }

    Role role() {
        return credentials.role();
    }

    NodeCredentials credentials() {
        return credentials;
    }

    PeerTransport transport() {
        return transport;
    }

    SwarmDirectory.Identity identity() {
        return new SwarmDirectory.Identity(credentials, authority, dataKey, advertise);
    }

    Role wantedRole() {
        return roleOf(snapshot());
    }

    /** The role that this node's document says; the certificate's where it says none. */
    private Role roleOf(ClusterSnapshot snapshot) {
        Document own = snapshot.document(Kind.NODE, self().value());
        Role said = own == null ? null : NodeSpecReader.fromBody(own).role();
        return said == null ? credentials.role() : said;
    }

    /** Shows {@code renewed} from now on; same node, same role. Open connections go on. */
    void renew(NodeCredentials renewed) {
        if (!renewed.nodeId().equals(self()) || renewed.role() != role()) {
            throw new IllegalArgumentException(renewed + " is not a renewal of " + credentials);
        }
        credentials = renewed;
        transport.renew(renewed);
        if (joinServer != null) {
            joinServer.renew();
        }
        LOG.info("this node's certificate was renewed: valid until {}", renewed.identity().validUntil());
    }

    /** Null on a worker. */
    ClusterAuthority authority() {
        return authority;
    }

    ClusterSnapshot snapshot() {
        return loop.snapshot();
    }

    CoreLoop loop() {
        return loop;
    }

    PendingWrites writes() {
        return writes;
    }

    AgentTaskLogs logs() {
        return logs;
    }

    TaskRunner tasks() {
        return tasks;
    }

    SessionSecrets secrets() {
        return secrets;
    }

    private void tell(java.util.function.BiConsumer<NodeCore, Time> input) {
        loop.tell(input);
    }

    /** Stops being a member here; containers go on, the disk keeps all. */
    @Override
    public void close() {
        keeper.close();
        secrets.close();
        if (joinServer != null) {
            joinServer.close();
        }
        host.images().onChange(() -> { });
        loop.close();
        overlays.close();
        dns.close();
        tasks.close();
        logs.close();
        edge.close();
        transport.close();
        storage.close();
        store.close();
        metrics.close();
    }

    /** From the network into the core's queue. */
    private final class Receiver implements TransportListener {
        @Override
        public void received(PeerIdentity from, byte[] payload) {
            if (!started) {
                return;
            }
            Message message;
            try {
                message = codec.get().decode(payload);
            } catch (MessageFormatException e) {
                metrics.malformedMessage();
                LOG.debug("a message of {} bytes from {} was dropped: {}", payload.length, from.id(), e.getMessage());
                return;
            }
            metrics.message("received", message);
            loop.offer((core, now) -> core.receive(from.id(), from.role(), message, now));
        }

        @Override
        public void connectionLost(NodeId peer) {
            if (started) {
                loop.offer((core, now) -> core.connectionLost(peer, now));
            }
        }
    }

    /** From the core to the adapters. */
    private final class Ports implements EffectRunner.Ports {
        /** On the core's thread only. */
        private final Set<NodeId> barred = new HashSet<>();

        @Override
        public void send(NodeEffect.Send send) {
            metrics.message("sent", send.message());
            transport.send(send.to(), codec.get().encode(send.message()));
        }

        @Override
        public void memberChanged(Member before, Member now) {
            if (now == null) {
                LOG.info("node {} was removed and is forgotten", before.id());
                edge.memberForgotten(before);
                return;
            }
            edge.memberChanged(now);
            if (now.id().equals(self()) && before != null && now.boot() > before.boot()) {
                LOG.warn("the cluster knew a later boot of this node ({}): its disk was lost or copied", now.boot());
            }
            if (before == null || before.status() != now.status()) {
                LOG.info("node {} at {} is {}", now.id(), now.endpoint(), now.status());
            }
        }

        @Override
        public void removed(NodeId node) {
            if (barred.add(node)) {
                transport.bar(Set.copyOf(barred));
            }
        }

        @Override
        public void stored(DesiredObject object, boolean stored) {
            if (stored) {
                tell((core, now) -> core.persisted(object.uid(), object.generation(), now));
            } else {
                writes.notStored(object.uid(), object.generation());
            }
        }

        @Override
        public void replicated(String uid, long generation, int copies) {
            writes.replicated(uid, generation, copies);
        }
    }
}
