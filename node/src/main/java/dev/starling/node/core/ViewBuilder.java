package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Keeps the decoded form of what gossip knows, changes it entry by entry, and makes immutable {@link View}s and
 * {@link ClusterSnapshot}s of it. A value is decoded once, when it changes; a snapshot copies references, not tasks.
 */
final class ViewBuilder {
    private static final Platform UNKNOWN_PLATFORM = new Platform("", "");

    /** One node's record, decoded. */
    private static final class NodeRecord {
        NodeReport report;
        final TreeMap<String, Task> tasks = new TreeMap<>();
        final TreeMap<String, Refusal> refusals = new TreeMap<>();
        final TreeMap<String, List<BlockClaim>> blocks = new TreeMap<>();
        /** Immutable copy of {@link #tasks}, null when it is out of date. */
        List<Task> taskList;
    }

    private final NodeId self;
    private final SpecReader specs;
    private final DocumentCodec documentCodec = new DocumentCodec();
    private final TreeMap<NodeId, NodeRecord> records = new TreeMap<>();
    private final EnumMap<Kind, TreeMap<String, Document>> documents = new EnumMap<>(Kind.class);
    private final TreeMap<String, ServiceSpec> services = new TreeMap<>();
    private final TreeMap<String, NetworkSpec> networks = new TreeMap<>();
    private final TreeMap<NodeId, SpecReader.NodeSettings> nodeSettings = new TreeMap<>();
    private long malformed;

    ViewBuilder(NodeId self, SpecReader specs) {
        this.self = self;
        this.specs = specs;
        for (Kind kind : Kind.values()) {
            documents.put(kind, new TreeMap<>());
        }
    }

    /** Takes in one key of a node's record; {@code value == null}: it is gone. */
    void recordChanged(NodeId node, String key, Bytes value) {
        NodeRecord record = records.computeIfAbsent(node, id -> new NodeRecord());
        try {
            apply(node, record, key, value);
        } catch (RecordCodec.MalformedRecordException e) {
            malformed++;
            apply(node, record, key, null);
        }
    }

    void recordReplaced(NodeId node, SortedMap<String, Bytes> values) {
        records.remove(node);
        values.forEach((key, value) -> recordChanged(node, key, value));
    }

    private static void apply(NodeId node, NodeRecord record, String key, Bytes value) {
        if (key.equals(RecordKeys.NODE)) {
            record.report = value == null ? null : RecordCodec.decodeReport(value);
        } else if (key.startsWith(RecordKeys.TASK)) {
            record.taskList = null;
            put(record.tasks, key, value == null ? null : ownTask(node, key, RecordCodec.decodeTask(value)));
        } else if (key.startsWith(RecordKeys.REFUSAL)) {
            put(record.refusals, key, value == null ? null : RecordCodec.decodeRefusal(value));
        } else if (key.startsWith(RecordKeys.BLOCKS)) {
            put(record.blocks, key, value == null ? null : RecordCodec.decodeBlocks(value));
        } // else a key of a newer release: gossip keeps it, this one has no use for it
    }

    /** A record speaks of its owner's tasks only, each under its own id: a task that says otherwise would count twice or for another node. */
    private static Task ownTask(NodeId node, String key, Task task) {
        if (!task.node().equals(node) || !key.equals(RecordKeys.task(task.id()))) {
            throw new RecordCodec.MalformedRecordException(
                    "task " + task.id() + " of node " + task.node() + " stands under " + key + " in the record of " + node, null);
        }
        return task;
    }

    private static <V> void put(TreeMap<String, V> map, String key, V value) {
        if (value == null) {
            map.remove(key);
        } else {
            map.put(key, value);
        }
    }

    /** @return the parsed document of a live object; null for a tombstone or a body that is no JSON object */
    Document desiredChanged(DesiredObject object) {
        TreeMap<String, Document> ofKind = documents.get(object.kind());
        Document document = object.deleted() ? null : documentCodec.parse(object);
        if (document == null) {
            malformed += object.deleted() ? 0 : 1;
            ofKind.remove(object.uid());
        } else {
            ofKind.put(object.uid(), document);
        }
        switch (object.kind()) {
            case SERVICE -> put(services, object.uid(), document == null ? null : specs.service(document));
            case NETWORK -> put(networks, object.uid(), document == null ? null : specs.network(document));
            case NODE -> {
                NodeId node = new NodeId(object.uid());
                if (document == null) {
                    nodeSettings.remove(node);
                } else {
                    nodeSettings.put(node, specs.node(document));
                }
            }
            case CLUSTER, SECRET, CONFIG -> { }
        }
        return document;
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
        List<Document> list = new ArrayList<>(documents.get(kind).values());
        list.sort(Comparator.comparing((Document d) -> d.object().created()).thenComparing(Document::uid));
        return Collections.unmodifiableList(list);
    }

    long malformedValues() {
        return malformed;
    }

    View view(SortedMap<NodeId, Member> members) {
        TreeMap<NodeId, NodeView> nodes = new TreeMap<>();
        TreeMap<NodeId, List<Task>> tasks = new TreeMap<>();
        TreeMap<NodeId, List<Refusal>> refusals = new TreeMap<>();
        TreeMap<NodeId, List<BlockClaim>> blocks = new TreeMap<>();
        for (NodeId id : nodeSettings.keySet()) {
            NodeRecord record = records.get(id);
            nodes.put(id, nodeView(id, record, members.get(id)));
            tasks.put(id, tasks(id));
            refusals.put(id, refusals(id));
            blocks.put(id, blocks(id));
        }
        return new View(Collections.unmodifiableSortedMap(nodes), unmodifiableCopy(services), unmodifiableCopy(networks),
                Collections.unmodifiableSortedMap(tasks), Collections.unmodifiableSortedMap(refusals),
                Collections.unmodifiableSortedMap(blocks));
    }

    List<Task> tasks(NodeId node) {
        NodeRecord record = records.get(node);
        if (record == null) {
            return List.of();
        }
        if (record.taskList == null) {
            record.taskList = List.copyOf(record.tasks.values());
        }
        return record.taskList;
    }

    List<Refusal> refusals(NodeId node) {
        NodeRecord record = records.get(node);
        return record == null ? List.of() : record.refusals.values().stream().sorted(Comparator.comparing(Refusal::slot)).toList();
    }

    List<BlockClaim> blocks(NodeId node) {
        NodeRecord record = records.get(node);
        return record == null ? List.of() : record.blocks.values().stream().flatMap(List::stream).toList();
    }

    /** The node was removed from the cluster. */
    void forget(NodeId node) {
        records.remove(node);
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
                report.engineLabels(), report.platform(), report.capacity(), report.images());
    }

    ClusterSnapshot snapshot(Role role, SortedMap<NodeId, Member> members, View view) {
        TreeMap<NodeId, NodeReport> reports = new TreeMap<>();
        records.forEach((id, record) -> {
            if (record.report != null) {
                reports.put(id, record.report);
            }
        });
        TreeMap<Kind, List<Document>> all = new TreeMap<>();
        for (Kind kind : Kind.values()) {
            all.put(kind, documents(kind));
        }
        return new ClusterSnapshot(self, role, unmodifiableCopy(members), Collections.unmodifiableSortedMap(reports), view,
                Collections.unmodifiableSortedMap(all));
    }

    private static <K, V> SortedMap<K, V> unmodifiableCopy(SortedMap<K, V> map) {
        return Collections.unmodifiableSortedMap(new TreeMap<>(map));
    }
}
