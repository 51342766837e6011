package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Keeps the decoded form of what gossip knows, changes it entry by entry, and makes immutable {@link View}s and
 * {@link ClusterSnapshot}s of it. A value is decoded once, when it changes; a snapshot copies references, not tasks.
 */
final class ViewBuilder {
    private static final Platform UNKNOWN_PLATFORM = new Platform("", "");

    /** One node's record, decoded. */
    private static final class NodeRecord {
        NodeReport report;
        CertificateReport certificate;
        /** Without what it acknowledges. */
        NodeEncryption encryption;
        SortedMap<NodeId, KeyAcknowledgement> acknowledged = Collections.emptySortedMap();
        final OrderedTasks tasks = new OrderedTasks();
        SortedMap<String, Refusal> refusals = Collections.emptySortedMap();
        SortedMap<String, List<BlockClaim>> blocks = Collections.emptySortedMap();
        SortedMap<String, CompletedWork> completed = Collections.emptySortedMap();
        List<ServiceLoad> loads = List.of();
        /** Immutable copies of the maps above, null when out of date. */
        List<Refusal> refusalList;
        List<BlockClaim> blockList;
        List<CompletedWork> completedList;
    }

    /** What the last view had, as long as it holds: views share the parts in which they do not differ, and readers recognize them by it. */
    private static final class Parts {
        SortedMap<NodeId, NodeView> nodes;
        SortedMap<NodeId, List<Task>> tasks;
        SortedMap<NodeId, List<Refusal>> refusals;
        SortedMap<NodeId, List<BlockClaim>> blocks;
        SortedMap<NodeId, List<CompletedWork>> completed;
        SortedMap<NodeId, List<ServiceLoad>> loads;
        SortedMap<String, ServiceSpec> services;
        SortedMap<String, NetworkSpec> networks;
        SortedMap<NodeId, NodeEncryption> encryption;
        SortedSet<NodeId> suspected;
        final EnumMap<Kind, List<Document>> documents = new EnumMap<>(Kind.class);
    }

    private final NodeId self;
    private final SpecReader specs;
    private final ValueReader values;
    private final TreeMap<NodeId, NodeRecord> records = new TreeMap<>();
    private final EnumMap<Kind, TreeMap<String, Document>> documents = new EnumMap<>(Kind.class);
    private final TreeMap<String, ServiceSpec> services = new TreeMap<>();
    private final TreeMap<String, NetworkSpec> networks = new TreeMap<>();
    private final TreeMap<NodeId, SpecReader.NodeSettings> nodeSettings = new TreeMap<>();
    private int taskHistoryLimit = View.DEFAULT_TASK_HISTORY_LIMIT;
    private final Parts parts = new Parts();
    private long malformed;
    private long unfamiliar;

    ViewBuilder(NodeId self, SpecReader specs, ValueReader values) {
        this.self = self;
        this.specs = specs;
        this.values = values;
        for (Kind kind : Kind.values()) {
            documents.put(kind, new TreeMap<>());
        }
    }

    /** Takes in one key of a node's record; {@code value == null}: it is gone. */
    void recordChanged(NodeId node, String key, Bytes value) {
        NodeRecord record = records.computeIfAbsent(node, id -> new NodeRecord());
        try {
            apply(node, record, key, value);
        } catch (MalformedRecordException e) {
            malformed++;
            apply(node, record, key, null);
        }
    }

    void recordReplaced(NodeId node, SortedMap<String, Bytes> values) {
        forget(node);
        values.forEach((key, value) -> recordChanged(node, key, value));
    }

    private void apply(NodeId node, NodeRecord record, String key, Bytes value) {
        if (key.equals(RecordKeys.NODE)) {
            parts.nodes = null;
            record.report = value == null ? null : values.report(value);
        } else if (key.equals(RecordKeys.CERTIFICATE)) {
            record.certificate = value == null ? null : RecordCodec.decodeCertificate(value);
        } else if (key.equals(RecordKeys.ENCRYPTION)) {
            parts.nodes = null;
            parts.encryption = null;
            record.encryption = value == null ? null : RecordCodec.decodeEncryption(value);
        } else if (RecordKeys.isAcknowledgement(key)) {
            parts.encryption = null;
            record.acknowledged = with(record.acknowledged, RecordKeys.acknowledgedPeer(key), value == null ? null : RecordCodec.decodeAcknowledgement(value));
        } else if (key.startsWith(RecordKeys.TASK)) {
            parts.tasks = null;
            if (value == null) {
                record.tasks.remove(key.substring(RecordKeys.TASK.length()));
            } else {
                record.tasks.put(ownTask(node, key, values.task(node, value)));
            }
        } else if (key.startsWith(RecordKeys.REFUSAL)) {
            parts.refusals = null;
            record.refusalList = null;
            record.refusals = with(record.refusals, key, value == null ? null : RecordCodec.decodeRefusal(value));
        } else if (key.startsWith(RecordKeys.BLOCKS)) {
            parts.blocks = null;
            record.blockList = null;
            record.blocks = with(record.blocks, key, value == null ? null : RecordCodec.decodeBlocks(value));
        } else if (key.startsWith(RecordKeys.COMPLETED)) {
            parts.completed = null;
            record.completedList = null;
            record.completed = with(record.completed, key, value == null ? null : RecordCodec.decodeCompleted(value));
        } else if (key.equals(RecordKeys.LOADS)) {
            parts.loads = null;
            record.loads = value == null ? List.of() : RecordCodec.decodeLoads(value);
        } else {
            unfamiliar++; // of a later release: gossip keeps it, this one has no use for it
        }
    }

    /** A record speaks of its owner's tasks only, each under its own id: a task that says otherwise would count twice or for another node. */
    private static Task ownTask(NodeId node, String key, Task task) {
        if (!task.node().equals(node) || !RecordKeys.isTask(key, task.id())) {
            throw new MalformedRecordException(
                    "task " + task.id() + " of node " + task.node() + " stands under " + key + " in the record of " + node, null);
        }
        return task;
    }

    /** The same map with {@code value}; a new one where it was empty, as most are. */
    private static <K, V> SortedMap<K, V> with(SortedMap<K, V> map, K key, V value) {
        SortedMap<K, V> changed = map.isEmpty() ? new TreeMap<>() : map;
        put(changed, key, value);
        return changed.isEmpty() ? Collections.emptySortedMap() : changed;
    }

    private static <K, V> void put(SortedMap<K, V> map, K key, V value) {
        if (value == null) {
            map.remove(key);
        } else {
            map.put(key, value);
        }
    }

    /** @return the parsed document of a live object; null for a tombstone or a body that is no JSON object */
    Document desiredChanged(DesiredObject object) {
        if (object.kind() == Kind.UNFAMILIAR) {
            unfamiliar++;
            return null;
        }
        TreeMap<String, Document> ofKind = documents.get(object.kind());
        parts.documents.remove(object.kind());
        Document document = object.deleted() ? null : values.document(object);
        if (document == null) {
            malformed += object.deleted() ? 0 : 1;
            ofKind.remove(object.uid());
        } else {
            ofKind.put(object.uid(), document);
        }
        switch (object.kind()) {
            case SERVICE -> {
                parts.services = null;
                put(services, object.uid(), document == null ? null : specs.service(document));
            }
            case NETWORK -> {
                parts.networks = null;
                put(networks, object.uid(), document == null ? null : specs.network(document));
            }
            case NODE -> {
                enrolledChanged();
                NodeId node = new NodeId(object.uid());
                if (document == null) {
                    nodeSettings.remove(node);
                } else {
                    nodeSettings.put(node, specs.node(document));
                }
            }
            case CLUSTER -> taskHistoryLimit = document == null ? View.DEFAULT_TASK_HISTORY_LIMIT : specs.taskHistoryLimit(document);
            case SECRET, CONFIG, ROOT, UNFAMILIAR -> { }
        }
        return document;
    }

    private void enrolledChanged() {
        parts.nodes = null;
        parts.tasks = null;
        parts.refusals = null;
        parts.blocks = null;
        parts.completed = null;
        parts.loads = null;
        parts.suspected = null;
    }

    /** Somebody came, went or moved. */
    void membersChanged() {
        parts.nodes = null;
        parts.suspected = null;
    }

    void suspicionsChanged() {
        parts.suspected = null;
    }

    Document document(String uid) {
        for (TreeMap<String, Document> ofKind : documents.values()) {
            Document document = ofKind.get(uid);
            if (document != null) {
                return document;
            }
        }
        return null;
    }

    /** Live documents of a kind, oldest first: the oldest holds a name. */
    List<Document> documents(Kind kind) {
        return parts.documents.computeIfAbsent(kind, changed -> documents.get(kind).values().stream()
                .sorted(Comparator.comparing((Document d) -> d.object().created()).thenComparing(Document::uid)).toList());
    }

    long unfamiliarValues() {
        return unfamiliar;
    }

    long malformedValues() {
        return malformed;
    }

    View view(SortedMap<NodeId, Member> members) {
        parts.nodes = parts.nodes != null ? parts.nodes : ofEnrolled(id -> nodeView(id, records.get(id), members.get(id)));
        parts.tasks = parts.tasks != null ? parts.tasks : ofEnrolled(this::tasks);
        parts.refusals = parts.refusals != null ? parts.refusals : ofEnrolled(this::refusals);
        parts.blocks = parts.blocks != null ? parts.blocks : ofEnrolled(this::blocks);
        parts.completed = parts.completed != null ? parts.completed : ofEnrolled(this::completed);
        parts.loads = parts.loads != null ? parts.loads : loads();
        parts.suspected = parts.suspected != null ? parts.suspected : suspected(members);
        parts.services = parts.services != null ? parts.services : unmodifiableCopy(services);
        parts.networks = parts.networks != null ? parts.networks : unmodifiableCopy(networks);
        return new View(parts.nodes, parts.services, parts.networks, parts.tasks, parts.refusals, parts.blocks, parts.completed,
                parts.loads, taskHistoryLimit, parts.suspected);
    }

    private SortedSet<NodeId> suspected(SortedMap<NodeId, Member> members) {
        TreeSet<NodeId> suspected = new TreeSet<>();
        for (NodeId node : nodeSettings.keySet()) {
            Member member = members.get(node);
            if (member != null && member.status() == MemberStatus.SUSPECT) {
                suspected.add(node);
            }
        }
        return suspected.isEmpty() ? Collections.emptySortedSet() : Collections.unmodifiableSortedSet(suspected);
    }

    private <V> SortedMap<NodeId, V> ofEnrolled(Function<NodeId, V> value) {
        TreeMap<NodeId, V> map = new TreeMap<>();
        nodeSettings.keySet().forEach(node -> map.put(node, value.apply(node)));
        return Collections.unmodifiableSortedMap(map);
    }

    List<Task> tasks(NodeId node) {
        NodeRecord record = records.get(node);
        return record == null ? List.of() : record.tasks.list();
    }

    List<Refusal> refusals(NodeId node) {
        NodeRecord record = records.get(node);
        if (record == null) {
            return List.of();
        }
        if (record.refusalList == null) {
            record.refusalList = record.refusals.values().stream().sorted(Comparator.comparing(Refusal::slot)).toList();
        }
        return record.refusalList;
    }

    List<BlockClaim> blocks(NodeId node) {
        NodeRecord record = records.get(node);
        if (record == null) {
            return List.of();
        }
        if (record.blockList == null) {
            record.blockList = record.blocks.values().stream().flatMap(List::stream).toList();
        }
        return record.blockList;
    }

    List<CompletedWork> completed(NodeId node) {
        NodeRecord record = records.get(node);
        if (record == null) {
            return List.of();
        }
        if (record.completedList == null) {
            record.completedList = List.copyOf(record.completed.values());
        }
        return record.completedList;
    }

    /** The node was removed from the cluster. */
    void forget(NodeId node) {
        records.remove(node);
        parts.encryption = null;
        enrolledChanged();
    }

    private NodeView nodeView(NodeId id, NodeRecord record, Member member) {
        SpecReader.NodeSettings settings = nodeSettings.get(id);
        NodeReport report = record == null ? null : record.report;
        boolean up = id.equals(self) || member != null && member.status().isUp();
        if (report == null) {
            return new NodeView(id, "", member == null ? "" : member.endpoint().host(),
                    member == null ? Role.WORKER : member.role(), false, settings.availability(), settings.labels(),
                    Collections.emptySortedMap(), UNKNOWN_PLATFORM, Resources.NONE, Collections.emptySortedSet());
        }
        return new NodeView(id, report.hostname(), report.address(), report.role(), up, settings.availability(), settings.labels(),
                report.engineLabels(), report.platform(), report.capacity(), report.images(), report.obstacles().withNoEncryption(record.encryption == null),
                report.conditions());
    }

    private SortedMap<NodeId, List<ServiceLoad>> loads() {
        TreeMap<NodeId, List<ServiceLoad>> all = new TreeMap<>();
        records.forEach((id, record) -> {
            if (!record.loads.isEmpty()) {
                all.put(id, record.loads);
            }
        });
        return Collections.unmodifiableSortedMap(all);
    }

    private SortedMap<NodeId, NodeEncryption> encryption() {
        if (parts.encryption == null) {
            TreeMap<NodeId, NodeEncryption> all = new TreeMap<>();
            records.forEach((id, record) -> {
                if (record.encryption != null) {
                    all.put(id, new NodeEncryption(record.encryption.keys(), record.encryption.ciphers(), unmodifiableCopy(record.acknowledged),
                            record.encryption.reach()));
                }
            });
            parts.encryption = Collections.unmodifiableSortedMap(all);
        }
        return parts.encryption;
    }

    ClusterSnapshot snapshot(Role role, SortedMap<NodeId, Member> members, View view) {
        TreeMap<NodeId, NodeReport> reports = new TreeMap<>();
        TreeMap<NodeId, CertificateReport> certificates = new TreeMap<>();
        records.forEach((id, record) -> {
            if (record.report != null) {
                reports.put(id, record.report);
            }
            if (record.certificate != null) {
                certificates.put(id, record.certificate);
            }
        });
        TreeMap<Kind, List<Document>> all = new TreeMap<>();
        for (Kind kind : Kind.values()) {
            all.put(kind, documents(kind));
        }
        return new ClusterSnapshot(self, role, unmodifiableCopy(members), Collections.unmodifiableSortedMap(reports), view,
                Collections.unmodifiableSortedMap(all), Collections.unmodifiableSortedMap(certificates), encryption());
    }

    private static <K, V> SortedMap<K, V> unmodifiableCopy(SortedMap<K, V> map) {
        return Collections.unmodifiableSortedMap(new TreeMap<>(map));
    }
}
