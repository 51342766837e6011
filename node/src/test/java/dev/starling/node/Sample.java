package dev.starling.node;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.node.spec.DockerSpecReader;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** Small values for tests: tasks, documents, and {@link Cluster}, a snapshot put together line by line. */
public final class Sample {
    public static final NodeId N1 = new NodeId("node1aaaaaaaaaaaaaaaaaaaa");
    public static final NodeId N2 = new NodeId("node2aaaaaaaaaaaaaaaaaaaa");
    public static final NodeId N3 = new NodeId("node3aaaaaaaaaaaaaaaaaaaa");
    public static final Resources CAPACITY = new Resources(4_000_000_000L, 4L << 30);

    public static ObjectNode json(String text) {
        try {
            return (ObjectNode) new ObjectMapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The body of a service of busybox with some replicas. */
    public static ObjectNode serviceBody(String name, int replicas) {
        return json("""
                {"Spec": {"Name": "%s", "TaskTemplate": {"ContainerSpec": {"Image": "busybox:latest"}}, "Mode": {"Replicated": {"Replicas": %d}}}}
                """.formatted(name, replicas));
    }

    public static ObjectNode nodeBody(String availability) {
        return json("{\"Spec\": {\"Role\": \"manager\", \"Availability\": \"" + availability + "\", \"Labels\": {}}}");
    }

    public static ObjectNode networkBody(String name, String subnet, int vni) {
        return json("""
                {"Spec": {"Name": "%s", "Driver": "overlay", "VxlanId": %d, "IPAM": {"Config": [{"Subnet": "%s"}]}}}
                """.formatted(name, vni, subnet));
    }

    public static DesiredObject object(Kind kind, String uid, long createdMillis, long generation, boolean deleted, String body) {
        HybridTime created = HybridTime.of(createdMillis, 0);
        return new DesiredObject(kind, uid, created, generation, HybridTime.of(createdMillis + generation, 0), N1, deleted,
                Bytes.utf8(body), Bytes.EMPTY, Bytes.EMPTY);
    }

    public static Document document(Kind kind, String uid, ObjectNode body) {
        return new Document(object(kind, uid, 1_000, 1, false, body.toString()), body);
    }

    public static NodeReport report(String hostname, String address) {
        return new NodeReport(hostname, address, address + ":2377", Role.MANAGER, new Platform("linux", "x86_64"), CAPACITY, "0.1.0",
                Collections.emptySortedMap(), new TreeSet<>(List.of("busybox:latest")), new TreeSet<>());
    }

    public static Task task(String id, Slot slot, NodeId node, TaskState state, Map<String, String> addresses) {
        return new Task(id, slot, node, 1, "hash", "busybox:latest", state, TaskState.RUNNING, HybridTime.of(1_000, 0), 0, 0, 0, 1_000, 1_000,
                "", "", -1, "", 0, Collections.unmodifiableSortedMap(new TreeMap<>(addresses)));
    }

    /** A snapshot as {@link #N1} sees it, put together line by line. */
    public static final class Cluster {
        private final SortedMap<NodeId, NodeView> nodes = new TreeMap<>();
        private final SortedMap<NodeId, NodeReport> reports = new TreeMap<>();
        private final SortedMap<NodeId, List<Task>> tasks = new TreeMap<>();
        private final SortedMap<Kind, List<Document>> documents = new TreeMap<>();

        public Cluster() {
            for (Kind kind : Kind.values()) {
                documents.put(kind, new ArrayList<>());
            }
        }

        public Cluster node(NodeId id, String address, boolean ready) {
            nodes.put(id, new NodeView(id, "host-" + address, address, Role.MANAGER, ready, Availability.ACTIVE, Collections.emptySortedMap(),
                    Collections.emptySortedMap(), new Platform("linux", "x86_64"), CAPACITY, new TreeSet<>(List.of("busybox:latest"))));
            reports.put(id, report("host-" + address, address));
            return this;
        }

        public Cluster has(Kind kind, String uid, ObjectNode body) {
            documents.get(kind).add(document(kind, uid, body));
            return this;
        }

        public Cluster runs(Task task) {
            tasks.computeIfAbsent(task.node(), node -> new ArrayList<>()).add(task);
            return this;
        }

        public ClusterSnapshot snapshot() {
            SortedMap<String, ServiceSpec> services = new TreeMap<>();
            documents.get(Kind.SERVICE).forEach(service -> services.put(service.uid(), new DockerSpecReader().service(service)));
            View view = new View(nodes, services, new TreeMap<>(), tasks, new TreeMap<>(), new TreeMap<>());
            return new ClusterSnapshot(N1, Role.MANAGER, new TreeMap<>(), reports, view, documents);
        }
    }

    private Sample() {}
}
