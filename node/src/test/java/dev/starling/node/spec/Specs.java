package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
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
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.View;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** Documents and snapshots for the tests of this package. */
final class Specs {
    static final NodeId SELF = new NodeId("n4r3ygo4ce84wvmdy2c9n3r01");

    /** What {@code docker service create --name web busybox:latest sleep 9} sends. */
    static final String CLI_CREATE = """
            {"Name": "web", "Labels": {}, "TaskTemplate": {"ContainerSpec": {"Image": "busybox:latest", "Args": ["sleep", "9"],
             "Init": false, "DNSConfig": {}}, "Resources": {"Limits": {}, "Reservations": {}}, "Placement": {}, "ForceUpdate": 0},
             "Mode": {"Replicated": {}}, "EndpointSpec": {"Mode": "vip"}}
            """;

    static ObjectNode json(String text) {
        try {
            return (ObjectNode) new ObjectMapper().readTree(text);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Document document(Kind kind, String uid, JsonNode body) {
        return new Document(new DesiredObject(kind, uid, HybridTime.of(1000, 0), 1, HybridTime.of(1000, 0), SELF, false, Bytes.EMPTY,
                Bytes.EMPTY, Bytes.EMPTY), body);
    }

    static Document withSpec(Kind kind, String uid, JsonNode spec) {
        return document(kind, uid, JsonNodeFactory.instance.objectNode().set("Spec", spec));
    }

    static NodeReport report(String address) {
        return new NodeReport("n1", address, address + ":2377", Role.MANAGER, new Platform("linux", "x86_64"), Resources.NONE, "0.1.0",
                new TreeMap<>(), new TreeSet<>(), new TreeSet<>());
    }

    static ClusterSnapshot snapshot(List<Document> services, List<Document> networks) {
        View view = new View(new TreeMap<>(), new TreeMap<>(), new TreeMap<>(), new TreeMap<>(), new TreeMap<>(), new TreeMap<>());
        SortedMap<Kind, List<Document>> documents = new TreeMap<>();
        for (Kind kind : Kind.values()) {
            documents.put(kind, List.of());
        }
        documents.put(Kind.SERVICE, services);
        documents.put(Kind.NETWORK, networks);
        SortedMap<NodeId, NodeReport> reports = new TreeMap<>();
        reports.put(SELF, report("10.77.0.11"));
        return new ClusterSnapshot(SELF, Role.MANAGER, new TreeMap<>(), reports, view, documents);
    }

    private Specs() {}
}
