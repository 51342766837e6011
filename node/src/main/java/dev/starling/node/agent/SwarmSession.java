package dev.starling.node.agent;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.store.NodeStore;
import dev.starling.gossip.transport.PeerTransport;
import dev.starling.gossip.transport.TransportConfig;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.DesiredSigner;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.KeyAcknowledgement;
import dev.starling.node.core.NodeCore;
import dev.starling.node.core.NodeReport;
import dev.starling.node.dns.DnsConfig;
import dev.starling.node.dns.DnsServer;
import dev.starling.node.host.AgentClock;
import dev.starling.node.host.HeapWatch;
import dev.starling.node.host.HostConditions;
import dev.starling.node.host.HostObstacles;
import dev.starling.node.host.ListeningPorts;
import dev.starling.node.image.BlobDesk;
import dev.starling.node.image.ImagesOfTasks;
import dev.starling.node.image.Neighbours;
import dev.starling.node.join.JoinServer;
import dev.starling.node.network.NetworkEncryption;
import dev.starling.node.network.OverlayRunner;
import dev.starling.node.network.ServiceAddresses;
import dev.starling.node.spec.DockerSpecReader;
import dev.starling.node.spec.NodeSpecReader;
import dev.starling.node.swarm.CertificateDesk;
import dev.starling.node.swarm.CertificateKeeper;
import dev.starling.node.swarm.EnrolledWriters;
import dev.starling.node.swarm.RootFollowingGuard;
import dev.starling.node.swarm.SessionTrust;
import dev.starling.node.swarm.SwarmDirectory;
import dev.starling.node.task.AgentTaskLogs;
import dev.starling.node.task.LoadSampler;
import dev.starling.node.task.TaskPreparation;
import dev.starling.node.task.TaskRunner;
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
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
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
    private final ImagesOfTasks images;
    private final BlobDesk blobs;
    private final TaskRunner tasks;
    private final DnsServer dns;
    private final ServiceAddresses services;
    private final NetworkEncryption encryption;
    private final OverlayRunner overlays;
    private final AgentTaskLogs logs;
    private final HostObstacles obstacles;
    private final HostConditions conditions;
    private final LoadSampler load;
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
    private final GossipReceiver receiver;

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
        ThreadLocal<MessageCodec> codec = ThreadLocal.withInitial(() -> new MessageCodec(gossipConfig.maxMessageBytes()));
        this.metrics = new NodeMetrics(host.meters());
        this.receiver = new GossipReceiver(codec, metrics);
        this.transport = PeerTransport.open(TransportConfig.of(host.config().addresses().listen(), advertise), credentials(), receiver, clock);
        this.certificates = new RootFollowingGuard(trust.roots());
        this.writers = new EnrolledWriters(certificates);
        this.desk = role() == Role.WORKER ? null : new CertificateDesk(trust);
        this.storage = new Storage(store, this::everything, host.timer(), this::diskTroubleChanged, Storage.PATIENCE_MILLIS);
        this.writes = new PendingWrites(host.timer());
        this.edge = new ClusterEdge(transport, credentials());
        this.keeper = new CertificateKeeper(new OwnCertificate(this, edge, desk, installer, host), host.timer(), new SecureRandom());
        this.dns = new DnsServer(DnsConfig.standard());
        this.services = new ServiceAddresses(host.balancer(), host.overlay(), host.missingForServices());
        this.encryption = new NetworkEncryption(host.encryption(), host.esp(), new EncryptionRecord(), advertise.host(),
                host.config().networkKeyRenewal());
        this.overlays = new OverlayRunner(host.overlay(), dns, services, encryption, advertise.host());
        this.secrets = new SessionSecrets(host, identity, edge, this::snapshot);
        this.images = new ImagesOfTasks(host.images());
        this.blobs = new BlobDesk(host.images(), host.config().registries().bytesPerSecond());
        this.tasks = new TaskRunner(host.runtime(), new TaskPreparation(overlays, services, secrets.files(), secrets.source(), images), this::snapshot,
                report -> tell((core, now) -> {
                    core.report(report, now);
                    metrics.reported(report, core.snapshot(), now);
                }));
        this.obstacles = new HostObstacles(this::snapshot, ListeningPorts.OF_THIS_HOST, found -> describe());
        this.conditions = new HostConditions(host.config().offer().conditions(), found -> describe());
        this.load = new LoadSampler(this::snapshot, id -> host.runtime().stats(id).groups(), loads -> tell((core, now) -> core.load(loads, now)));
        this.logs = new AgentTaskLogs(self(), host.runtime(), tasks::containerOf, edge::askForLog);
        NodeCore core = newCore();
        this.loop = new CoreLoop(core, this.clock, new EffectRunner(new CorePorts(self(), codec, transport, edge, writes, metrics, this::tell), storage, tasks));
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
        edge.answerBlobs(blobs::answer);
        host.images().askFirst(new Neighbours(this::snapshot, edge::askForBlob));
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
        receiver.open(loop);
        encryption.start(System.nanoTime());
        overlays.start();
        obstacles.start();
        conditions.start();
        load.start();
        metrics.bind(loop, storage, transport, overlays, joinServer);
        metrics.bind(keeper, desk, writers);
        metrics.bind(heap);
        metrics.bind(secrets);
        metrics.bind(blobs);
        if (joinServer != null) {
            joinServer.listen(host.config().addresses().joinListen());
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
        if (receiver.isOpen()) {
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
        Resources offers = new Resources(config.offer().resources().nanoCpus() > 0 ? config.offer().resources().nanoCpus() : has.nanoCpus(),
                config.offer().resources().memoryBytes() > 0 ? config.offer().resources().memoryBytes() : has.memoryBytes(), config.offer().genericResources());
        return new NodeReport(config.name(), advertise.host(), new Endpoint(advertise.host(), config.addresses().joinListen().port()).toString(),
                role(), host.facts().platform(), offers, host.version(),
                Collections.unmodifiableSortedMap(new TreeMap<>(config.offer().labels())), host.images().names(),
                Collections.unmodifiableSortedSet(warnings), obstacles.current(), conditions.current());
    }

    private List<String> diskWarnings() {
        String trouble = storage.trouble();
        return trouble == null ? List.of() : List.of("WARNING: " + trouble);
    }

    /** A container of this node ended. */
    void containerEnded(Container container) {
        tasks.exited(container);
    }

    void healthChanged(Container container) {
        tasks.healthChanged(container);
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

    private void tell(BiConsumer<NodeCore, Time> input) {
        loop.tell(input);
    }

    List<String> warnings() {
        return Stream.concat(services.warnings().stream(), diskWarnings().stream()).toList();
    }

    /** This node leaves for good: rules that lead to tasks elsewhere go. */
    void withdraw() {
        overlays.close();
        encryption.clear();
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
        conditions.close();
        load.close();
        loop.close();
        overlays.close();
        services.close();
        dns.close();
        images.close();
        host.images().askFirst(reference -> List.of());
        blobs.close();
        tasks.close();
        logs.close();
        edge.close();
        transport.close();
        storage.close();
        store.close();
        metrics.close();
    }

    /** Into this node's record. */
    private final class EncryptionRecord implements NetworkEncryption.Announcements {
        @Override
        public void keys(List<Bytes> keys, List<String> ciphers) {
            tell((core, now) -> core.encrypt(keys, ciphers, now));
        }

        @Override
        public void acknowledge(SortedMap<NodeId, KeyAcknowledgement> acknowledgements) {
            tell((core, now) -> core.acknowledge(acknowledgements, now));
        }
    }
}
