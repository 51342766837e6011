package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Role;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.SupportedFields;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** {@code /swarm}: making, joining and leaving a cluster, and its join tokens. */
final class SwarmRoutes {
    private static final int MAX_REMOTES = 100;
    private static final SupportedFields SPEC = new SupportedFields("""
            Name string
            Labels map
            """);

    private final ClusterControl control;

    SwarmRoutes(ClusterControl control) {
        this.control = control;
    }

    void addTo(Endpoints endpoints) {
        // not on workers: they have no tokens, and the CLI would print a join command without one
        endpoints.get("/swarm", call -> Reply.json(new SwarmJson(call.managerSnapshot(), control).withTokens()));
        endpoints.post("/swarm/init", this::init);
        endpoints.post("/swarm/join", this::join);
        endpoints.post("/swarm/leave", call -> control.leave(call.flag("force")).thenApply(done -> Reply.OK));
        endpoints.post("/swarm/update", this::update);
        endpoints.get("/swarm/unlockkey", call -> {
            call.managerSnapshot(); // autolock is not there, so no key is set: what Docker answers then
            return Reply.json(Json.object().put("UnlockKey", ""));
        });
        endpoints.post("/swarm/unlock", call -> {
            throw ApiException.conflict("swarm is not locked");
        });
    }

    private CompletionStage<Reply> init(Call call) {
        JsonNode request = call.objectBody();
        if (request.path("ForceNewCluster").asBoolean(false)) {
            throw ApiException.notImplemented("ForceNewCluster (not needed: no quorum can be lost)");
        }
        if (request.path("AutoLockManagers").asBoolean(false)
                || request.path("Spec").path("EncryptionConfig").path("AutoLockManagers").asBoolean(false)) {
            throw ApiException.notImplemented("AutoLockManagers (docker swarm init --autolock)");
        }
        refuse(request, "DataPathAddr", "");
        refuseNumber(request, "DataPathPort", 4789);
        refuseNumber(request, "SubnetSize", 24);
        if (!request.path("DefaultAddrPool").isEmpty()) {
            throw ApiException.notImplemented("DefaultAddrPool (docker swarm init --default-addr-pool)");
        }
        refuse(request, "Availability", "active");
        JsonNode spec = request.path("Spec").isObject() ? request.path("Spec") : Json.object();
        SPEC.check(spec);
        return control.init(new ClusterControl.Init(request.path("ListenAddr").asText(""), request.path("AdvertiseAddr").asText(""), spec))
                .thenApply(node -> Reply.json(Json.array().textNode(node.value())));
    }

    private CompletionStage<Reply> join(Call call) {
        JsonNode request = call.objectBody();
        refuse(request, "DataPathAddr", "");
        List<String> remotes = new ArrayList<>();
        request.path("RemoteAddrs").forEach(address -> remotes.add(address.asText()));
        if (remotes.isEmpty() || remotes.size() > MAX_REMOTES) {
            throw ApiException.badRequest("RemoteAddrs: expected 1 to " + MAX_REMOTES + " addresses, got " + remotes.size());
        }
        String token = request.path("JoinToken").asText("");
        if (token.isEmpty()) {
            throw ApiException.badRequest("JoinToken: a join token is needed");
        }
        return control.join(new ClusterControl.Join(request.path("ListenAddr").asText(""), request.path("AdvertiseAddr").asText(""),
                List.copyOf(remotes), token, request.path("Availability").asText(""))).thenApply(done -> Reply.OK);
    }

    /** {@code docker swarm join-token --rotate} sends the whole spec back unchanged; a changed one is not there yet. */
    private CompletionStage<Reply> update(Call call) {
        ClusterSnapshot snapshot = call.managerSnapshot();
        ObjectNode current = new SwarmJson(snapshot, control).cluster();
        Document document = SwarmJson.clusterDocument(snapshot);
        JsonNode spec = call.objectBody();
        if (!saySame(spec, current.path("Spec"))) {
            throw ApiException.notImplemented("changing the swarm's settings (docker swarm update, docker swarm ca)");
        }
        if (call.flag("rotateManagerUnlockKey")) {
            throw ApiException.notImplemented("rotateManagerUnlockKey (autolock)");
        }
        long version = call.integer("version", -1, 0, Long.MAX_VALUE);
        if (document != null && version != document.object().generation()) {
            throw new ApiException(500, "rpc error: code = Unknown desc = update out of sequence");
        }
        CompletionStage<Void> done = CompletableFuture.completedFuture(null);
        if (call.flag("rotateWorkerToken")) {
            done = done.thenCompose(nothing -> control.rotateJoinToken(Role.WORKER));
        }
        if (call.flag("rotateManagerToken")) {
            done = done.thenCompose(nothing -> control.rotateJoinToken(Role.MANAGER));
        }
        return done.thenApply(nothing -> Reply.OK);
    }

    /** Go clients write zero values that they never read, and leave out others: those say nothing. */
    private static boolean saySame(JsonNode one, JsonNode other) {
        if (one.isObject() || other.isObject()) {
            Set<String> fields = new TreeSet<>();
            one.fieldNames().forEachRemaining(fields::add);
            other.fieldNames().forEachRemaining(fields::add);
            return fields.stream().allMatch(field -> saySame(one.path(field), other.path(field)));
        }
        return one.equals(other) || saysNothing(one) && saysNothing(other);
    }

    private static boolean saysNothing(JsonNode value) {
        return value.isMissingNode() || value.isNull() || value.isArray() && value.isEmpty() || value.isValueNode()
                && (value.isNumber() ? value.doubleValue() == 0 : value.isBoolean() ? !value.booleanValue() : value.asText().isEmpty());
    }

    private static void refuse(JsonNode request, String field, String supported) {
        String value = request.path(field).asText("");
        if (!value.isEmpty() && !value.equals(supported)) {
            throw ApiException.notImplemented(field + " \"" + value + "\"");
        }
    }

    private static void refuseNumber(JsonNode request, String field, int supported) {
        long value = request.path(field).asLong(0);
        if (value != 0 && value != supported) {
            throw ApiException.notImplemented(field + " " + value);
        }
    }
}
