package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.member.Member;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.NodeSpecReader;
import dev.starling.scheduler.model.NodeView;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionStage;

/** {@code /nodes}. A node's spec is the desired object whose uid is the node's id; generation 0 stands for one that nobody wrote yet. */
final class NodeRoutes {
    private final ClusterControl control;

    NodeRoutes(ClusterControl control) {
        this.control = control;
    }

    void addTo(Endpoints endpoints) {
        endpoints.get("/nodes", this::list);
        endpoints.get("/nodes/{id}", this::inspect);
        endpoints.post("/nodes/{id}/update", this::update);
        endpoints.delete("/nodes/{id}", this::delete);
    }

    private Reply list(Call call) {
        ClusterSnapshot snapshot = call.snapshot();
        Filters filters = call.filters("id", "name", "label", "node.label", "role", "membership");
        filters.require("role", List.of("worker", "manager"));
        filters.require("membership", List.of("accepted", "pending"));
        NodeJson json = new NodeJson(snapshot, control.roots());
        ArrayNode result = Json.array();
        for (NodeView node : snapshot.view().nodes().values()) {
            if (filters.prefix("id", node.id().value()) && filters.prefix("name", node.hostname())
                    && filters.labels("label", node.engineLabels()) && filters.labels("node.label", node.labels())
                    && filters.exactly("role", node.role().name().toLowerCase(Locale.ROOT)) && filters.exactly("membership", "accepted")) {
                result.add(json.of(node));
            }
        }
        return Reply.json(result);
    }

    private Reply inspect(Call call) {
        NodeView node = new Lookup(call.snapshot()).node(call.path("id"));
        return Reply.json(new NodeJson(call.snapshot(), control.roots()).of(node));
    }

    private CompletionStage<Reply> update(Call call) {
        ClusterSnapshot snapshot = call.managerSnapshot();
        NodeView node = new Lookup(snapshot).node(call.path("id"));
        long version = call.integer("version", -1, 0, Long.MAX_VALUE);
        if (version < 0) {
            throw ApiException.badRequest("invalid node version '': a version is needed");
        }
        JsonNode spec = call.objectBody();
        NodeSpecReader.check(spec);
        Document document = new Lookup(snapshot).nodeDocument(node.id());
        ObjectNode body = document != null && document.body() instanceof ObjectNode known ? known.deepCopy() : Json.object();
        return control.update(node.id().value(), version, body.set("Spec", spec)).thenApply(done -> Reply.OK);
    }

    private CompletionStage<Reply> delete(Call call) {
        ClusterSnapshot snapshot = call.managerSnapshot();
        NodeView node = new Lookup(snapshot).node(call.path("id"));
        boolean force = call.flag("force");
        Member member = snapshot.members().get(node.id());
        if (!force && (node.ready() || member != null && member.status().isUp())) {
            throw ApiException.badRequest("rpc error: code = FailedPrecondition desc = node " + node.id()
                    + " is not down and can't be removed");
        }
        return control.removeNode(node.id(), force).thenApply(done -> Reply.OK);
    }
}
