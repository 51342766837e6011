package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.node.spec.NetworkSpecCheck;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.scheduler.model.Task;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;

/** {@code /networks}: the overlay networks of the cluster, and the names of Docker's predefined ones. */
final class NetworkRoutes {
    private final ClusterControl control;

    NetworkRoutes(ClusterControl control) {
        this.control = control;
    }

    void addTo(Endpoints endpoints) {
        endpoints.get("/networks", this::list);
        endpoints.get("/networks/{id}", this::inspect);
        endpoints.post("/networks/create", this::create);
        endpoints.delete("/networks/{id}", this::delete);
    }

    private Reply list(Call call) {
        Filters filters = call.filters("id", "name", "label", "driver", "scope", "type", "dangling");
        filters.require("type", List.of("custom", "builtin"));
        filters.require("scope", List.of("swarm", "local", "global"));
        ArrayNode result = Json.array();
        ClusterSnapshot snapshot = call.snapshotOrNull();
        if (snapshot != null) {
            for (Document network : snapshot.documents().getOrDefault(Kind.NETWORK, List.of())) {
                boolean dangling = users(network, snapshot).isEmpty();
                addIfMatching(result, filters, NetworkJson.of(network, snapshot, localTasks(snapshot)), "custom", dangling);
            }
        }
        NetworkJson.PREDEFINED.forEach(name -> addIfMatching(result, filters, NetworkJson.predefined(name), "builtin", false));
        return Reply.json(result);
    }

    private static void addIfMatching(ArrayNode result, Filters filters, ObjectNode network, String type, boolean dangling) {
        if (filters.prefix("id", network.path("Id").asText()) && filters.any("name", network.path("Name").asText()::contains)
                && filters.labels("label", network.path("Labels")) && filters.exactly("driver", network.path("Driver").asText())
                && filters.exactly("scope", network.path("Scope").asText()) && filters.exactly("type", type)
                && filters.any("dangling", wanted -> (wanted.equals("true") || wanted.equals("1")) == dangling)) {
            result.add(network);
        }
    }

    private Reply inspect(Call call) {
        String reference = call.path("id");
        String scope = call.query("scope", "");
        ClusterSnapshot snapshot = call.snapshotOrNull();
        if (!scope.equals("swarm")) {
            String predefined = predefined(reference);
            if (predefined != null) {
                return Reply.json(NetworkJson.predefined(predefined));
            }
        }
        if (snapshot == null || scope.equals("local")) {
            throw ApiException.notFound("network " + reference + " not found");
        }
        Document network = new Lookup(snapshot).document(Kind.NETWORK, reference);
        return Reply.json(NetworkJson.of(network, snapshot, localTasks(snapshot)));
    }

    private CompletionStage<Reply> create(Call call) {
        ClusterSnapshot snapshot = call.managerSnapshot();
        ObjectNode spec = new NetworkSpecCheck(snapshot).accept(call.objectBody());
        String name = spec.path("Name").asText();
        if (snapshot.documents().getOrDefault(Kind.NETWORK, List.of()).stream().anyMatch(other -> other.name().equals(name))) {
            throw ApiException.conflict("network with name " + name + " already exists");
        }
        return control.create(Kind.NETWORK, Json.object().set("Spec", spec))
                .thenApply(network -> Reply.created(Json.object().put("Id", network.uid()).put("Warning", "")));
    }

    private CompletionStage<Reply> delete(Call call) {
        String reference = call.path("id");
        String predefined = predefined(reference);
        if (predefined != null) {
            throw new ApiException(403, predefined + " is a pre-defined network and cannot be removed");
        }
        ClusterSnapshot snapshot = call.managerSnapshot();
        Document network = new Lookup(snapshot).document(Kind.NETWORK, reference);
        if (network.uid().equals(IngressNetwork.UID)) {
            throw ApiException.notImplemented("removing the ingress network");
        }
        List<Document> users = users(network, snapshot);
        if (!users.isEmpty()) {
            throw ApiException.badRequest("rpc error: code = FailedPrecondition desc = network " + network.uid() + " is in use by service "
                    + users.get(0).uid());
        }
        return control.delete(network.uid()).thenApply(done -> Reply.NO_CONTENT);
    }

    static List<Document> users(Document network, ClusterSnapshot snapshot) {
        return snapshot.documents().getOrDefault(Kind.SERVICE, List.of()).stream()
                .filter(service -> ServiceSpecReader.fromBody(service).networks().contains(network.uid())).toList();
    }

    private static Set<Task> localTasks(ClusterSnapshot snapshot) {
        return new LinkedHashSet<>(snapshot.view().tasks().getOrDefault(snapshot.self(), List.of()));
    }

    private static String predefined(String reference) {
        return NetworkJson.PREDEFINED.stream().filter(name -> name.equals(reference) || NetworkJson.predefinedId(name).equals(reference))
                .findFirst().orElse(null);
    }
}
