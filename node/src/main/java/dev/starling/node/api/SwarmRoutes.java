package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.SupportedFields;
import dev.starling.node.spec.SwarmSpec;
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
            Orchestration.TaskHistoryRetentionLimit integer
            CAConfig.NodeCertExpiry integer
            EncryptionConfig.AutoLockManagers boolean
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
            call.managerSnapshot();
            return Reply.json(Json.object().put("UnlockKey", control.unlockKey()));
        });
        endpoints.post("/swarm/unlock", call -> control.unlock(call.objectBody().path("UnlockKey").asText("")).thenApply(done -> Reply.OK));
    }

    private CompletionStage<Reply> init(Call call) {
        JsonNode request = call.objectBody();
        if (request.path("ForceNewCluster").asBoolean(false)) {
            throw ApiException.notImplemented("ForceNewCluster (not needed: no quorum can be lost)");
        }
        refuse(request, "DataPathAddr", "");
        refuseNumber(request, "DataPathPort", 4789);
        refuseNumber(request, "SubnetSize", 24);
        if (!request.path("DefaultAddrPool").isEmpty()) {
            throw ApiException.notImplemented("DefaultAddrPool (docker swarm init --default-addr-pool)");
        }
        refuse(request, "Availability", "active");
        ObjectNode spec = request.path("Spec") instanceof ObjectNode given ? given.deepCopy() : Json.object();
        if (request.path("AutoLockManagers").asBoolean(false)) {
            spec.withObjectProperty("EncryptionConfig").put("AutoLockManagers", true);
        }
        SPEC.check(spec);
        SwarmSpec.check(spec);
        refuseShortLife(spec);
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

    private static void refuseShortLife(JsonNode spec) {
        long expiry = spec.path("CAConfig").path("NodeCertExpiry").asLong(0);
        if (expiry != 0 && expiry < ClusterAuthority.SHORTEST_NODE_LIFE.toNanos()) {
            throw ApiException.badRequest("rpc error: code = InvalidArgument desc = minimum certificate expiry time must be: 1h0m0s");
        }
    }

    /** The spec without what {@link ClusterControl#updateSwarm} acts on. */
    private static JsonNode rest(JsonNode spec) {
        ObjectNode rest = spec.deepCopy();
        rest.remove(List.of("Labels", "EncryptionConfig"));
        if (rest.path("CAConfig") instanceof ObjectNode ca) {
            ca.remove(List.of("NodeCertExpiry", "ForceRotate", "SigningCACert", "SigningCAKey"));
        }
        if (rest.path("Orchestration") instanceof ObjectNode orchestration) {
            orchestration.remove("TaskHistoryRetentionLimit");
        }
        return rest;
    }

    /** The whole spec comes back, changed or as it was ({@code docker swarm join-token --rotate}). What may be changed is in {@link #rest}. */
    private CompletionStage<Reply> update(Call call) {
        ClusterSnapshot snapshot = call.managerSnapshot();
        ObjectNode current = new SwarmJson(snapshot, control).cluster();
        Document document = SwarmJson.clusterDocument(snapshot);
        JsonNode spec = call.objectBody();
        if (!spec.path("CAConfig").path("ExternalCAs").isEmpty()) {
            throw ApiException.notImplemented("ExternalCAs (docker swarm ca --external-ca)");
        }
        if (!saySame(rest(spec), rest(current.path("Spec")))) {
            throw ApiException.notImplemented("changing the swarm's settings (docker swarm update) other than --autolock, --cert-expiry, --task-history-limit and labels");
        }
        SwarmSpec.check(spec);
        refuseShortLife(spec);
        long version = call.integer("version", -1, 0, Long.MAX_VALUE);
        if (document != null && version != document.object().generation()) {
            throw new ApiException(500, "rpc error: code = Unknown desc = update out of sequence");
        }
        boolean rotateUnlockKey = call.flag("rotateManagerUnlockKey");
        CompletionStage<Void> done = rotateUnlockKey || !saySame(spec, current.path("Spec"))
                ? control.updateSwarm(version, spec, rotateUnlockKey) : CompletableFuture.completedFuture(null);
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
