package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.View;
import java.util.List;

/** The cluster as {@code docker swarm} and the Swarm part of {@code docker info} read it. */
final class SwarmJson {
    private static final int DATA_PATH_PORT = 4789;

    private final ClusterSnapshot snapshot;
    private final ClusterControl control;

    SwarmJson(ClusterSnapshot snapshot, ClusterControl control) {
        this.snapshot = snapshot;
        this.control = control;
    }

    /** The cluster's own object; null in a cluster that has none (yet). */
    static Document clusterDocument(ClusterSnapshot snapshot) {
        List<Document> all = snapshot.documents().getOrDefault(Kind.CLUSTER, List.of());
        return all.isEmpty() ? null : all.get(0);
    }

    ObjectNode cluster() {
        Document document = clusterDocument(snapshot);
        ObjectNode json;
        if (document == null) {
            json = Json.object().put("ID", "");
            json.putObject("Version").put("Index", 0);
            json.put("CreatedAt", Json.time(0)).put("UpdatedAt", Json.time(0));
        } else {
            json = DocumentJson.head(document);
        }
        json.set("Spec", document != null && document.spec().isObject() ? withDefaults(document.spec().deepCopy())
                : withDefaults(Json.object()));
        ClusterRoots roots = control.roots();
        json.set("TLSInfo", TlsInfo.ofCluster(roots));
        json.put("RootRotationInProgress", roots.trusted().size() > 1);
        json.putArray("DefaultAddrPool").add("10.0.0.0/8");
        return json.put("SubnetSize", 24).put("DataPathPort", DATA_PATH_PORT);
    }

    /** {@code GET /swarm}, for managers: also the join tokens. */
    ObjectNode withTokens() {
        ObjectNode json = cluster();
        json.putObject("JoinTokens").put("Worker", control.joinToken(Role.WORKER)).put("Manager", control.joinToken(Role.MANAGER));
        return json;
    }

    /** The {@code Swarm} part of {@code /info}. */
    ObjectNode info() {
        NodeReport self = snapshot.reports().get(snapshot.self());
        boolean manager = snapshot.role() == Role.MANAGER;
        ObjectNode json = Json.object().put("NodeID", snapshot.self().value()).put("NodeAddr", self == null ? "" : self.address())
                .put("LocalNodeState", "active").put("ControlAvailable", manager).put("Error", "");
        ArrayNode remotes = json.putArray("RemoteManagers");
        int managers = 0;
        for (NodeView node : snapshot.view().nodes().values()) {
            if (node.role() == Role.MANAGER) {
                managers++;
                NodeReport report = snapshot.reports().get(node.id());
                remotes.addObject().put("NodeID", node.id().value()).put("Addr", report == null ? "" : report.apiAddress());
            }
        }
        json.put("Nodes", snapshot.view().nodes().size()).put("Managers", managers);
        if (manager) {
            json.set("Cluster", cluster());
        }
        return json;
    }

    /** Raft is not there: its part of the JSON is what clients of Docker's types expect to be able to read. */
    private static ObjectNode withDefaults(ObjectNode spec) {
        if (!spec.has("Name")) {
            spec.put("Name", "default");
        }
        if (!spec.path("Labels").isObject()) {
            spec.putObject("Labels");
        }
        ObjectNode orchestration = spec.withObjectProperty("Orchestration");
        if (!orchestration.path("TaskHistoryRetentionLimit").isNumber()) {
            orchestration.put("TaskHistoryRetentionLimit", View.DEFAULT_TASK_HISTORY_LIMIT);
        }
        for (String part : List.of("Raft", "Dispatcher", "CAConfig", "TaskDefaults")) {
            spec.withObjectProperty(part);
        }
        ObjectNode ca = spec.withObjectProperty("CAConfig");
        if (ca.path("NodeCertExpiry").asLong(0) == 0) {
            ca.put("NodeCertExpiry", ClusterAuthority.NODE_LIFE.toNanos());
        }
        ObjectNode encryption = spec.withObjectProperty("EncryptionConfig");
        encryption.put("AutoLockManagers", encryption.path("AutoLockManagers").asBoolean(false));
        return spec;
    }
}
