package dev.starling.node.agent;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Refusal;
import dev.starling.gossip.Role;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.codec.MessageFormatException;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.store.NodeStore;
import dev.starling.gossip.transport.Lane;
import dev.starling.gossip.transport.PeerTransport;
import dev.starling.gossip.transport.TransportConfig;
import dev.starling.gossip.transport.TransportListener;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.DesiredSigner;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.gossip.trust.TrustClock;
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
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All that exists while this node is a member of a swarm: identity, transport, core, disk, tasks, networks. Made on init, join or a start
 * with an identity on disk; closed on leave or the agent's end.
 */
final class SwarmSession implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SwarmSession.class);
    private static final long CORE_SECONDS = 5;
    private static final int MAX_WARNINGS = 100;

    private final Host host;
    private final SwarmDirectory directory;
    private final SessionTrust trust;
    private final OwnCertificate.Installer installer;
    private final AgentClock clock;
    private final Endpoint advertise;
    private final NodeStore store;
    private final Storage storage;
    private final PeerTransport transport;
    private final ClusterEdge edge;
    private final SessionSecrets secrets;
    private final TaskRunner tasks;
    private final DnsServer dns;
    private final ServiceAddresses services;
    private final OverlayRunner overlays;
    private final AgentTaskLogs logs;
    private final HostObstacles obstacles;
    private final PendingWrites writes;
    private final CoreLoop loop;
    private final NodeMetrics metrics;
    private final RootFollowingGuard certificates;
    private final EnrolledWriters writers;
    /** Null on a worker. */
    private final CertificateDesk desk;
    private final CertificateKeeper keeper;
    private final JoinServer joinServer;
    private final HeapWatch heap;
    private final GossipConfig gossipConfig;
    private final ThreadLocal<MessageCodec> codec;
    /** The transport listens before the rest is made; what arrives until then is dropped, as on any lossy wire. */
    private volatile boolean started;

    /** @param identity its authorities, the CA's keys, are there on a manager only */
    static SwarmSession open(Host host, SwarmDirectory.Identity identity, SwarmDirectory directory, TrustClock clock, Collection<Endpoint> seeds,
            OwnCertificate.Installer installer) {
        NodeStore store = directory.openStore();
        SwarmSession session;
        try {
            session = new SwarmSession(host, identity, directory, clock, store, installer);
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

    private SwarmSession(Host host, SwarmDirectory.Identity identity, SwarmDirectory directory, TrustClock clock, NodeStore store,
            OwnCertificate.Installer installer) {
        this.host = host;
        this.directory = directory;
        this.trust = new SessionTrust(identity, clock, this::snapshot, installer::unlockKey);
        this.installer = installer;
        this.clock = new AgentClock(clock);
        this.advertise = identity.advertise();
        this.store = store;
        this.gossipConfig = host.config().gossip();
        this.codec = ThreadLocal.withInitial(() -> new MessageCodec(gossipConfig.maxMessageBytes()));
        this.metrics = new NodeMetrics(host.meters());
        this.transport = PeerTransport.open(TransportConfig.of(host.config().listen(), advertise), credentials(), new Receiver(), clock);
        this.certificates = new RootFollowingGuard(trust.roots());
        this.writers = new EnrolledWriters(certificates);
        this.desk = role() == Role.WORKER ? null : new CertificateDesk(trust);
        this.storage = new Storage(store, this::everything, host.timer(), this::diskTroubleChanged, Storage.PATIENCE_MILLIS);
        this.writes = new PendingWrites(host.timer());
        this.edge = new ClusterEdge(transport, credentials());
        this.keeper = new CertificateKeeper(new OwnCertificate(this, edge, desk, installer, host), host.timer(), new SecureRandom());
        this.dns = new DnsServer(DnsConfig.standard());
        this.services = new ServiceAddresses(host.balancer(), host.overlay(), host.missingForServices());
        this.overlays = new OverlayRunner(host.overlay(), dns, services, advertise.host());
        this.secrets = new SessionSecrets(host, identity, edge, this::snapshot);
        this.tasks = new TaskRunner(host.runtime(), new TaskPreparation(host, overlays, services, secrets.files()), this::snapshot,
                report -> tell((core, now) -> {
                    core.report(report, now);
                    metrics.reported(report, core.snapshot(), now);
                }));
        this.obstacles = new HostObstacles(this::snapshot, ListeningPorts.OF_THIS_HOST, found -> describe());
        this.logs = new AgentTaskLogs(self(), host.runtime(), tasks::containerOf, edge::askForLog);
        NodeCore core = newCore();
        this.loop = new CoreLoop(core, this.clock, new EffectRunner(new Ports(), storage, tasks));
        loop.onSnapshot(snapshot -> changed(snapshot, core.malformedValues(), core.unfamiliarValues()));
        this.heap = new HeapWatch(host.timer(), () -> snapshot().summary());
        this.joinServer = desk == null ? null : new JoinServer(host.vertx(), this::credentials, new JoinCluster(this, desk));
    }

    private NodeCore newCore() {
        RandomGenerator random = new SecureRandom();
        Member own = new Member(self(), advertise, role(), store.nextBoot(clock.now().wallMillis()), 0, MemberStatus.ALIVE);
        Gossip gossip = new Gossip(gossipConfig, own, random, writers, credentials().signer());
        certificates.consult(gossip.desired());
        writers.consult(gossip.desired());
        Scheduler scheduler = new Scheduler(self(), SchedulerConfig.defaults(), random);
        NodeCore core = new NodeCore(self(), role(), NodeCore.Config.defaults(), gossip, scheduler, new DockerSpecReader(),
                object -> new DesiredSigner(credentials()).sign(object), random);
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
            core.certify(trust.report(), now);
            core.start(seeds, now);
        });
        host.images().onChange(this::describe);
        loop.start();
        started = true;
        overlays.start();
        obstacles.start();
        metrics.bind(loop, storage, transport, overlays, joinServer);
        metrics.bind(keeper, desk, writers);
        metrics.bind(heap);
        metrics.bind(secrets);
        if (joinServer != null) {
            joinServer.listen(host.config().joinListen());
        }
        keeper.start();
        LOG.info("node {} ({}) is in swarm {} as {}, gossip at {}", self(), host.config().name(), credentials().clusterId(),
                role(), advertise);
    }

    /** On the core's thread. */
    private void changed(ClusterSnapshot snapshot, long malformedValues, long unfamiliarValues) {
        if (roleOf(snapshot) != role()) {
            keeper.causeMayHaveCome();
        }
        if (trust.hasNews(snapshot)) {
            installer.follow(this);
            keeper.causeMayHaveCome();
        }
        if (desk != null && RootRotation.isDone(snapshot, trust.roots())) {
            tell((core, now) -> RootRotation.finish(core, trust.roots(), now));
        }
        overlays.update(snapshot);
        metrics.update(snapshot, malformedValues, unfamiliarValues);
    }

    /** What this node says of itself; sent anew when images come or go, or its disk gets into trouble or out of it. */
    private void describe() {
        NodeReport report = report();
        tell((core, now) -> core.describe(report, now));
    }

    private void diskTroubleChanged() {
        if (started) {
            describe();
        }
    }

    /** For a store that has lost what it held; the identity beside it may be gone as well. */
    private Storage.Batch everything() {
        try {
            Storage.Batch all = loop.ask((core, now) -> {
                Map<String, Optional<Bytes>> record = new TreeMap<>();
                core.ownRecord().forEach((key, value) -> record.put(key, Optional.of(value)));
                return new Storage.Batch(core.desired().all(), record, List.copyOf(core.snapshot().members().values()),
                        Storage.Urgency.NOW, null);
            }).get(CORE_SECONDS, TimeUnit.SECONDS);
            directory.restore(identity(), trust.unlockKey());
            return all;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the core was asked for its state", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException("the core did not tell its state: " + e, e);
        }
    }

    private NodeReport report() {
        NodeConfig config = host.config();
        Resources has = host.facts().capacity();
        TreeSet<String> warnings = new TreeSet<>(host.warnings());
        warnings.addAll(diskWarnings());
        Resources offers = new Resources(config.resources().nanoCpus() > 0 ? config.resources().nanoCpus() : has.nanoCpus(),
                config.resources().memoryBytes() > 0 ? config.resources().memoryBytes() : has.memoryBytes(), config.genericResources());
        return new NodeReport(config.name(), advertise.host(), new Endpoint(advertise.host(), config.joinListen().port()).toString(),
                role(), host.facts().platform(), offers, host.version(),
                Collections.unmodifiableSortedMap(new TreeMap<>(config.labels())), host.images().names(),
                Collections.unmodifiableSortedSet(warnings), obstacles.current());
    }

    private List<String> diskWarnings() {
        String trouble = storage.trouble();
        return trouble == null ? List.of() : List.of("WARNING: " + trouble);
    }

    /** A container of this node ended. */
    void containerEnded(Container container) {
        tasks.exited(container);
    }

    NodeId self() {
        return trust.self();
    }

    Role role() {
        return trust.role();
    }

    NodeCredentials credentials() {
        return trust.credentials();
    }

    SessionTrust trust() {
        return trust;
    }

    PeerTransport transport() {
        return transport;
    }

    SwarmDirectory.Identity identity() {
        return new SwarmDirectory.Identity(credentials(), trust.authorities(), trust.dataKey(), advertise);
    }

    Role wantedRole() {
        return roleOf(snapshot());
    }

    /** The role that this node's document says; the certificate's where it says none. */
    private Role roleOf(ClusterSnapshot snapshot) {
        Document own = snapshot.document(Kind.NODE, self().value());
        Role said = own == null ? null : NodeSpecReader.fromBody(own).role();
        return said == null ? role() : said;
    }

    /** Shows and trusts what is in {@code renewed} from now on; same node, same role. Open connections go on. */
    void renew(SwarmDirectory.Identity renewed) {
        boolean another = !renewed.credentials().certificate().equals(credentials().certificate());
        trust.take(renewed);
        transport.renew(renewed.credentials());
        if (joinServer != null) {
            joinServer.renew();
        }
        tell((core, now) -> core.certify(trust.report(), now));
        if (another) {
            LOG.info("this node's certificate was renewed: valid until {}", renewed.credentials().identity().validUntil());
        }
        keeper.causeMayHaveCome();
    }

    /** Null on a worker. */
    ClusterAuthority authority() {
        return trust.authority();
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

    List<String> warnings() {
        return Stream.concat(services.warnings().stream(), diskWarnings().stream()).toList();
    }

    /** This node leaves for good: rules that lead to tasks elsewhere go. */
    void withdraw() {
        overlays.close();
        services.remove();
    }

    /** Stops being a member here; containers go on, the disk keeps all. */
    @Override
    public void close() {
        heap.close();
        keeper.close();
        secrets.close();
        if (joinServer != null) {
            joinServer.close();
        }
        host.images().onChange(() -> { });
        obstacles.close();
        loop.close();
        overlays.close();
        services.close();
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
                metrics.unread(e.reason());
                LOG.debug("a message of {} bytes from {} was dropped: {}", payload.length, from.id(), e.getMessage());
                return;
            }
            metrics.message("received", message);
            loop.offer((core, now) -> core.receive(from.id(), from.role(), message, now), message.isUrgent());
        }

        @Override
        public void arriving(NodeId peer) {
            if (started) {
                loop.offer((core, now) -> core.arriving(peer, now), true);
            }
        }

        @Override
        public void connectionLost(NodeId peer) {
            if (started) {
                loop.offer((core, now) -> core.connectionLost(peer, now), true);
            }
        }
    }

    /** From the core to the adapters. */
    private final class Ports implements EffectRunner.Ports {
        /** On the core's thread only. */
        private final Set<NodeId> barred = new HashSet<>();
        /** Forgeries that the log has, by node and kind. On the core's thread only. */
        private final Set<String> warned = new HashSet<>();

        @Override
        public void send(NodeEffect.Send send) {
            metrics.message("sent", send.message());
            transport.send(send.to(), codec.get().encode(send.message()), send.message().isUrgent() ? Lane.URGENT : Lane.ORDINARY);
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
        public void promised(long number) {
            tell((core, now) -> core.promised(number, now));
        }

        @Override
        public void refused(NodeId teller, Refusal reason) {
            metrics.refused(reason);
            if (reason.isForgery() && warned.size() < MAX_WARNINGS && warned.add(teller + " " + reason)) { // each once: a liar could fill the disk
                LOG.warn("node {} told what nobody signed: {}. It was taken over, or has a fault", teller, reason);
            }
        }

        @Override
        public void stored(DesiredObject object, String trouble) {
            if (trouble == null) {
                tell((core, now) -> core.persisted(object.uid(), object.generation(), now));
            } else {
                writes.notStored(object.uid(), object.generation(), trouble);
            }
        }

        @Override
        public void replicated(String uid, long generation, int copies) {
            writes.replicated(uid, generation, copies);
        }
    }
}
