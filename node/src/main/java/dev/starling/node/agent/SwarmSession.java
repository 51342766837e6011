package dev.starling.node.agent;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.store.NodeStore;
import dev.starling.gossip.transport.PeerTransport;
import dev.starling.gossip.transport.TransportConfig;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeCore;
import dev.starling.node.core.NodeReport;
import dev.starling.node.host.AgentClock;
import dev.starling.node.host.HeapWatch;
import dev.starling.node.join.JoinServer;
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
import dev.starling.runtime.Health;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All that exists while this node is a member of a swarm: identity, transport, core, disk, tasks, networks. Made on init, join or a start
 * with an identity on disk; closed on leave or the agent's end.
 */
final class SwarmSession implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SwarmSession.class);

    private final Host host;
    private final SwarmDirectory directory;
    private final SessionTrust trust;
    private final OwnCertificate.Installer installer;
    private final Runnable snapshotListener;
    private final AgentClock clock;
    private final Endpoint advertise;
    private final NodeStore store;
    private final Storage storage;
    private final PeerTransport transport;
    private final ClusterEdge edge;
    private final SessionSecrets secrets;
    private final SessionImages images;
    private final SessionNetworks networks;
    private final OwnReport report;
    private final TaskRunner tasks;
    private final AgentTaskLogs logs;
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
    private final GossipReceiver receiver;

    /** @param identity its authorities, the CA's keys, are there on a manager only */
    static SwarmSession open(Host host, SwarmDirectory.Identity identity, SwarmDirectory directory, TrustClock clock, Collection<Endpoint> seeds,
            OwnCertificate.Installer installer, Runnable snapshotListener) {
        NodeStore store = directory.openStore();
        SwarmSession session;
        try {
            session = new SwarmSession(host, identity, directory, clock, store, installer, snapshotListener);
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
            OwnCertificate.Installer installer, Runnable snapshotListener) {
        this.host = host;
        this.snapshotListener = snapshotListener;
        this.directory = directory;
        this.trust = new SessionTrust(identity, clock, this::snapshot, installer::unlockKey);
        this.installer = installer;
        this.clock = new AgentClock(clock);
        this.advertise = identity.advertise();
        this.store = store;
        GossipConfig gossip = host.config().gossip();
        this.certificates = new RootFollowingGuard(trust.roots());
        this.writers = new EnrolledWriters(certificates, certificates::roleGeneration);
        NodeCore restored = CoreOnDisk.restored(store, trust, advertise, gossip, certificates, writers, this.clock.now().wallMillis());
        ThreadLocal<MessageCodec> codec = ThreadLocal.withInitial(() -> new MessageCodec(gossip.maxMessageBytes()));
        this.metrics = new NodeMetrics(host.meters());
        this.receiver = new GossipReceiver(codec, metrics);
        try {
            this.transport = PeerTransport.open(TransportConfig.of(host.config().addresses().listen(), advertise), credentials(), receiver, clock);
            this.desk = role() == Role.WORKER ? null : new CertificateDesk(trust);
            this.storage = new Storage(store, this::everything, host.timer(), this::diskTroubleChanged, Storage.PATIENCE_MILLIS);
            this.writes = new PendingWrites(host.timer());
            this.edge = new ClusterEdge(transport, credentials());
            this.keeper = new CertificateKeeper(new OwnCertificate(this, edge, desk, installer, host), host.timer(), new SecureRandom());
            this.report = new OwnReport(host, advertise, role(), storage, this::snapshot, told -> tell((core, now) -> core.describe(told, now)));
            this.networks = new SessionNetworks(host, advertise, this::tell);
            this.secrets = new SessionSecrets(host, identity, edge, this::snapshot);
            this.images = new SessionImages(host);
            this.tasks = new TaskRunner(host.runtime(),
                    new TaskPreparation(networks.overlays(), networks.services(), secrets.files(), secrets.source(), images.ofTasks()), this::snapshot,
                    progress -> tell((core, now) -> {
                        core.report(progress, now);
                        metrics.reported(progress, core.snapshot(), now);
                    }));
            this.load = new LoadSampler(this::snapshot, id -> host.runtime().stats(id).groups(), loads -> tell((core, now) -> core.load(loads, now)));
            this.logs = new AgentTaskLogs(self(), host.runtime(), tasks::containerOf, edge::askForLog);
            this.loop = new CoreLoop(restored, this.clock, new EffectRunner(new CorePorts(self(), codec, transport, edge, writes, metrics, this::tell), storage, tasks));
            loop.onSnapshot(snapshot -> changed(snapshot, restored.malformedValues(), restored.unfamiliarValues()));
            this.heap = new HeapWatch(host.timer(), () -> snapshot().summary());
            this.joinServer = desk == null ? null : new JoinServer(host.vertx(), this::credentials, new JoinCluster(this, desk));
        } catch (RuntimeException e) {
            close(); // what is there by now, or the next try would trip over it
            throw e;
        }
    }

    private void start(Collection<Endpoint> seeds) {
        edge.start(seeds);
        edge.answerLogs(logs::answer);
        secrets.start(edge);
        images.start(edge, this::snapshot);
        if (desk != null) {
            edge.answerRenewals((from, request) -> host.vertx().executeBlocking(() -> desk.issue(from, request).encode(), false)
                    .toCompletionStage());
        }
        NodeReport first = report.current();
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
            core.describe(first, now);
            core.certify(trust.report(), now);
            core.start(seeds, now);
        });
        host.images().onChange(report::tellAnew);
        loop.start();
        receiver.open(loop);
        networks.start();
        report.start();
        load.start();
        metrics.bind(loop, storage, transport, networks.overlays(), joinServer);
        metrics.bind(keeper, desk, writers);
        metrics.bind(heap);
        metrics.bind(secrets);
        metrics.bind(images.blobs());
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
            loop.offer((core, now) -> RootRotation.finish(core, trust.roots(), now)); // not told: this thread cannot wait for itself to make room
        }
        networks.update(snapshot);
        metrics.update(snapshot, malformedValues, unfamiliarValues);
        snapshotListener.run();
    }

    private void diskTroubleChanged() {
        if (receiver.isOpen()) {
            report.tellAnew();
        }
    }

    /** For a store that has lost what it held; the identity beside it may be gone as well. */
    private Storage.Batch everything() {
        Storage.Batch all = CoreOnDisk.everything(loop);
        directory.restore(identity(), trust.unlockKey());
        return all;
    }

    /** A container of this node ended. */
    void containerEnded(Container container) {
        tasks.exited(container);
    }

    void healthChanged(Container container) {
        tasks.healthChanged(container);
    }

    /** What became of tasks' containers between their adoption and the moment from which this session is told: the runtime says it once. */
    void hearWhatWasMissed() {
        Map<String, Task> active = new HashMap<>();
        snapshot().view().tasks().getOrDefault(self(), List.of()).stream().filter(Task::isActive).forEach(task -> active.put(task.id(), task));
        for (Container container : host.runtime().list()) {
            Task task = active.get(container.spec().labels().getOrDefault(TaskRunner.TASK_LABEL, ""));
            if (task != null && container.state() == Container.State.EXITED) {
                containerEnded(container);
            } else if (task != null && (task.state() != TaskState.RUNNING || container.health().status() == Health.Status.UNHEALTHY)) {
                healthChanged(container);
            }
        }
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
        return Stream.of(networks.warnings(), report.diskWarnings(), enrolmentWarnings()).flatMap(List::stream).toList();
    }

    private List<String> enrolmentWarnings() {
        return snapshot().document(Kind.NODE, self().value()) != null ? List.of()
                : List.of("WARNING: this node does not find itself in the cluster's state as it has it, and takes no task: see its log, and docker node ls at a manager");
    }

    /** This node leaves for good: rules that lead to tasks elsewhere go. */
    void withdraw() {
        networks.withdraw();
    }

    /** Stops being a member here; containers go on, the disk keeps all. */
    @Override
    public void close() {
        host.images().onChange(() -> { });
        Stream.of(heap, keeper, secrets, joinServer, report, load, loop, images, tasks, networks /* after the starts under way, which use them */, logs,
                        edge, transport, storage, store, metrics)
                .filter(Objects::nonNull).forEach(SwarmSession::closed);
    }

    private static void closed(AutoCloseable part) {
        try {
            part.close();
        } catch (Exception e) {
            LOG.warn("closing {} failed: {}", part.getClass().getSimpleName(), e.toString(), e);
        }
    }
}
