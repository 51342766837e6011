package dev.starling.node.agent;

import dev.starling.gossip.Refusal;
import dev.starling.gossip.codec.MessageFormatException;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.transport.PeerTransport;
import dev.starling.gossip.transport.TransportCounters;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.host.HeapWatch;
import dev.starling.node.host.ProcessIo;
import dev.starling.node.image.BlobDesk;
import dev.starling.node.join.JoinServer;
import dev.starling.node.network.OverlayRunner;
import dev.starling.node.secret.SecretDesk;
import dev.starling.node.swarm.CertificateDesk;
import dev.starling.node.swarm.CertificateKeeper;
import dev.starling.node.swarm.EnrolledWriters;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/** What Prometheus sees of a node's membership; docs/OPERATIONS.md lists the names. Gone with the session. */
final class NodeMetrics implements AutoCloseable {
    private final MeterRegistry registry;
    private final List<Meter> meters = new CopyOnWriteArrayList<>();
    private final Map<String, Counter> messages = new ConcurrentHashMap<>();
    private final LongAdder malformed = new LongAdder();
    private final Map<Refusal, LongAdder> refused = new EnumMap<>(Refusal.class);
    private final Timer createToRunning;
    private volatile ClusterSnapshot snapshot;
    private volatile long malformedValues;
    private volatile long unfamiliarValues;
    private final LongAdder unfamiliarTypes = new LongAdder();
    private final LongAdder otherVersions = new LongAdder();

    NodeMetrics(MeterRegistry registry) {
        this.registry = registry;
        this.createToRunning = keep(Timer.builder("starling.task.create.to.running")
                .description("From the service's last change to the first start of a task of it on this node")
                .serviceLevelObjectives(Duration.ofMillis(100), Duration.ofMillis(250), Duration.ofMillis(500), Duration.ofSeconds(1),
                        Duration.ofMillis(2500), Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofSeconds(30))
                .register(registry));
        for (MemberStatus status : MemberStatus.values()) {
            gauge("starling.members", "Cluster members by state, as this node sees them", "state",
                    status.name().toLowerCase(Locale.ROOT), () -> members().getOrDefault(status, 0));
        }
        for (TaskState state : TaskState.values()) {
            gauge("starling.tasks", "Tasks of this node by state", "state", state.wireName(), () -> tasksIn(state));
        }
        keep(FunctionCounter.builder("starling.record.malformed", this, metrics -> metrics.malformedValues)
                .description("Values of records and bodies of objects that could not be read, or spoke of another node").register(registry));
        for (Refusal reason : Refusal.values()) {
            refused.put(reason, new LongAdder());
            tagged("starling.gossip.refused", "What authenticated peers told and was not taken in", "reason", reason.name().toLowerCase(Locale.ROOT),
                    refused.get(reason));
        }
        counter("starling.gossip.malformed", "Messages of authenticated peers that did not parse", malformed);
        tagged("starling.gossip.unfamiliar", "Messages of other releases, ignored", "reason", "type", unfamiliarTypes);
        tagged("starling.gossip.unfamiliar", "Messages of other releases, ignored", "reason", "version", otherVersions);
        keep(FunctionCounter.builder("starling.state.unfamiliar", this, metrics -> metrics.unfamiliarValues)
                .description("Objects and record keys of later releases: kept and passed on").register(registry));
    }

    /** @param join null on a worker */
    void bind(CoreLoop loop, Storage storage, PeerTransport transport, OverlayRunner overlays, JoinServer join) {
        if (join != null) {
            keep(FunctionCounter.builder("starling.join.refusals", join, JoinServer::refusals)
                    .description("Requests to join without a valid token").register(registry));
        }
        TransportCounters counters = transport.counters();
        tagged("starling.gossip.bytes", "Bytes on the wire between nodes, TLS included", "direction", "in", counters.bytesIn);
        tagged("starling.gossip.bytes", "Bytes on the wire between nodes, TLS included", "direction", "out", counters.bytesOut);
        counters.refusedBy.forEach((reason, count) -> tagged("starling.transport.refused.handshakes",
                "Connections that ended before they were worth a word", "reason", reason.name().toLowerCase(Locale.ROOT), count));
        counter("starling.transport.dropped.frames", "Messages that found no connection or a full queue", counters.droppedFrames);
        counter("starling.transport.oversize.frames", "Frames over the size limit", counters.oversizeFrames);
        keep(Gauge.builder("starling.core.waiting.inputs", loop, CoreLoop::waiting).description("Inputs in the core's queue").register(registry));
        keep(FunctionCounter.builder("starling.core.dropped.inputs", loop, CoreLoop::droppedInputs)
                .description("Messages dropped because the core's queue was full").register(registry));
        bind(storage);
        keep(FunctionCounter.builder("starling.overlay.failures", overlays, OverlayRunner::failures)
                .description("Attempts to program a network that failed").register(registry));
    }

    private void bind(Storage storage) {
        keep(FunctionCounter.builder("starling.storage.failures", storage, Storage::failures)
                .description("Transactions that could not be written to disk").register(registry));
        keep(Gauge.builder("starling.disk.trouble", storage, disk -> disk.trouble() == null ? 0 : 1)
                .description("1 while the disk takes no writes, or takes them too slowly; docker info says why").register(registry));
        keep(Gauge.builder("starling.disk.unsaved", storage, Storage::unsaved).description("Values that the disk does not have yet").register(registry));
        keep(FunctionTimer.builder("starling.disk.writes", storage, Storage::transactions, Storage::writeSeconds, TimeUnit.SECONDS)
                .description("Transactions, and the time that the disk took for them").register(registry));
        keep(FunctionCounter.builder("starling.disk.written", ProcessIo.class, process -> ProcessIo.bytesWritten()).baseUnit("bytes")
                .description("Bytes that this agent has had written to disks").register(registry));
    }

    /** @param desk null on a worker */
    void bind(CertificateKeeper keeper, CertificateDesk desk, EnrolledWriters writers) {
        keep(Gauge.builder("starling.certificate.expiry", keeper, CertificateKeeper::secondsLeft).baseUnit("seconds")
                .description("Until this node's certificate ends; below 0 once it has").register(registry));
        keep(FunctionCounter.builder("starling.certificate.renewal.failures", keeper, CertificateKeeper::failures)
                .description("Attempts to renew this node's certificate that failed").register(registry));
        if (desk != null) {
            keep(FunctionCounter.builder("starling.certificate.refusals", desk, CertificateDesk::refusals)
                    .description("Requests of other nodes for a certificate that were refused").register(registry));
        }
        keep(FunctionCounter.builder("starling.desired.refused", writers, EnrolledWriters::refusals)
                .description("Objects that no manager in office had signed").register(registry));
    }

    void bind(HeapWatch heap) {
        keep(Gauge.builder("starling.heap.full", heap, HeapWatch::fullness).baseUnit("ratio")
                .description("Share of the heap's old generation in use after its last collection").register(registry));
    }

    void bind(BlobDesk blobs) {
        keep(FunctionCounter.builder("starling.image.bytes.served", blobs, BlobDesk::served)
                .description("Bytes of images that other nodes fetched from here").register(registry));
    }

    void bind(SessionSecrets secrets) {
        if (secrets.desk() != null) {
            keep(FunctionCounter.builder("starling.secret.refusals", secrets.desk(), SecretDesk::refusals)
                    .description("Requests of nodes for a secret that no task of theirs uses").register(registry));
        }
    }

    void update(ClusterSnapshot newest, long malformedSoFar, long unfamiliarSoFar) {
        unfamiliarValues = unfamiliarSoFar;
        snapshot = newest;
        malformedValues = malformedSoFar;
    }

    /** A message that arrived and could not be read. */
    void unread(MessageFormatException.Reason reason) {
        switch (reason) {
            case MALFORMED -> malformed.increment();
            case UNFAMILIAR_TYPE -> unfamiliarTypes.increment();
            case OTHER_VERSION -> otherVersions.increment();
        }
    }

    void refused(Refusal reason) {
        refused.get(reason).increment();
    }

    /** Counts by direction and kind: the rounds of probing and of anti-entropy are the messages that open them. */
    void message(String direction, Message message) {
        messages.computeIfAbsent(direction + message.getClass().getSimpleName(), key -> keep(Counter.builder("starling.gossip.messages")
                .description("Gossip messages by kind").tag("direction", direction).tag("kind", message.getClass().getSimpleName())
                .register(registry))).increment();
    }

    /** Measures create to running for the first task of a slot that starts after a change of its service. */
    void reported(TaskReport report, ClusterSnapshot now, Time time) {
        if (report.state() != TaskState.RUNNING) {
            return;
        }
        for (Task task : now.view().tasks().getOrDefault(now.self(), List.of())) {
            if (task.id().equals(report.taskId()) && task.attempt() == 0) {
                Document service = now.document(Kind.SERVICE, task.slot().serviceUid());
                if (service != null && service.object().generation() == task.serviceGeneration()) {
                    createToRunning.record(Duration.ofMillis(Math.max(0, time.wallMillis() - service.object().time().wallMillis())));
                }
                return;
            }
        }
    }

    private Map<MemberStatus, Integer> members() {
        Map<MemberStatus, Integer> counts = new EnumMap<>(MemberStatus.class);
        if (snapshot != null) {
            for (Member member : snapshot.members().values()) {
                counts.merge(member.status(), 1, Integer::sum);
            }
        }
        return counts;
    }

    private int tasksIn(TaskState state) {
        return snapshot == null ? 0 : (int) snapshot.view().tasks().getOrDefault(snapshot.self(), List.of()).stream()
                .filter(task -> task.state() == state).count();
    }

    private void gauge(String name, String description, String tag, String value, Supplier<Number> number) {
        keep(Gauge.builder(name, number).description(description).tag(tag, value).register(registry));
    }

    private void counter(String name, String description, LongAdder count) {
        keep(FunctionCounter.builder(name, count, LongAdder::sum).description(description).register(registry));
    }

    private void tagged(String name, String description, String tag, String value, LongAdder count) {
        keep(FunctionCounter.builder(name, count, LongAdder::sum).description(description).tag(tag, value).register(registry));
    }

    private <M extends Meter> M keep(M meter) {
        meters.add(meter);
        return meter;
    }

    @Override
    public void close() {
        meters.forEach(registry::remove);
    }
}
