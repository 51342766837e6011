package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Role;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.node.spec.GenericResourceJson;
import dev.starling.node.spec.NodeSpecReader;
import dev.starling.scheduler.model.NodeView;
import java.util.List;
import java.util.Locale;

/** Nodes as {@code docker node ls} and {@code inspect} read them. */
final class NodeJson {
    private static final List<String> NETWORK_PLUGINS = List.of("bridge", "host", "null", "overlay");

    private final ClusterSnapshot snapshot;
    private final ClusterRoots roots;

    NodeJson(ClusterSnapshot snapshot, ClusterRoots roots) {
        this.snapshot = snapshot;
        this.roots = roots;
    }

    ObjectNode of(NodeView node) {
        Document document = new Lookup(snapshot).nodeDocument(node.id());
        NodeReport report = snapshot.reports().get(node.id());
        ObjectNode json = document == null ? withoutDocument(node) : DocumentJson.head(document);
        json.set("Spec", spec(node, document));
        json.set("Description", description(node, report));
        ObjectNode status = json.putObject("Status").put("State", state(node)).put("Addr", node.address());
        if (report != null && !report.warnings().isEmpty()) {
            status.put("Message", String.join("; ", report.warnings()));
        }
        if (node.role() == Role.MANAGER) {
            // no node leads; "Leader": false makes the CLI print the reachability instead
            json.putObject("ManagerStatus").put("Leader", false).put("Reachability", node.ready() ? "reachable" : "unreachable")
                    .put("Addr", report == null ? "" : report.apiAddress());
        }
        return json;
    }

    /** ready, down, or unknown while a live node's report has not arrived. */
    String state(NodeView node) {
        Member member = snapshot.members().get(node.id());
        return node.ready() ? "ready" : member != null && member.status().isUp() ? "unknown" : "down";
    }

    private static ObjectNode withoutDocument(NodeView node) {
        ObjectNode json = Json.object().put("ID", node.id().value());
        json.putObject("Version").put("Index", 0);
        return json.put("CreatedAt", Json.time(0)).put("UpdatedAt", Json.time(0));
    }

    /** What the operator wrote, complete, so that a client can send it back changed. The role is the one asked for; ManagerStatus tells what is. */
    private static ObjectNode spec(NodeView node, Document document) {
        ObjectNode spec = document != null && document.spec() instanceof ObjectNode written ? written.deepCopy() : Json.object();
        if (!spec.path("Labels").isObject()) {
            spec.putObject("Labels");
        }
        Role asked = document == null ? null : NodeSpecReader.fromBody(document).role();
        return spec.put("Role", (asked == null ? node.role() : asked).name().toLowerCase(Locale.ROOT))
                .put("Availability", node.availability().name().toLowerCase(Locale.ROOT));
    }

    private ObjectNode description(NodeView node, NodeReport report) {
        ObjectNode description = Json.object().put("Hostname", node.hostname());
        description.putObject("Platform").put("Architecture", node.platform().architecture()).put("OS", node.platform().os());
        ObjectNode resources = description.putObject("Resources").put("NanoCPUs", node.capacity().nanoCpus())
                .put("MemoryBytes", node.capacity().memoryBytes());
        if (!node.capacity().generic().isNone()) {
            resources.set("GenericResources", GenericResourceJson.of(node.capacity().generic()));
        }
        ObjectNode engine = description.putObject("Engine").put("EngineVersion", report == null ? "" : report.engineVersion());
        if (!node.engineLabels().isEmpty()) {
            engine.set("Labels", Json.map(node.engineLabels()));
        }
        ArrayNode plugins = engine.putArray("Plugins");
        plugins.addObject().put("Type", "Log").put("Name", "json-file");
        NETWORK_PLUGINS.forEach(name -> plugins.addObject().put("Type", "Network").put("Name", name));
        plugins.addObject().put("Type", "Volume").put("Name", "local");
        description.set("TLSInfo", TlsInfo.ofNode(roots, snapshot.certificates().get(node.id())));
        return description;
    }
}
