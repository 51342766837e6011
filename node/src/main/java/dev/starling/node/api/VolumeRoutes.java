package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.Mount;
import dev.starling.runtime.supervision.NamedVolumes;
import dev.starling.runtime.volume.Volume;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * {@code /volumes}: the named volumes of this node. Those that belong to one container alone go with it and are not shown.
 *
 * <p>A volume that a service names counts as used for {@code docker volume prune}, also while no task of it is here: the task may come back to its
 * data, and Docker's rule (no container, no user) would have thrown it away.
 */
final class VolumeRoutes {
    private final ContainerRuntime runtime;
    private final NamedVolumes volumes;

    VolumeRoutes(ContainerRuntime runtime, NamedVolumes volumes) {
        this.runtime = runtime;
        this.volumes = volumes;
    }

    void addTo(Endpoints endpoints) {
        endpoints.get("/volumes", this::list);
        endpoints.post("/volumes/create", this::create);
        endpoints.post("/volumes/prune", this::prune);
        endpoints.get("/volumes/{name}", call -> Reply.json(json(find(call.path("name")))));
        endpoints.delete("/volumes/{name}", this::remove);
    }

    private Volume find(String name) {
        Volume volume = volumes.find(name);
        if (volume == null) {
            throw ApiException.notFound("get " + name + ": no such volume");
        }
        return volume;
    }

    private Reply list(Call call) {
        Filters filters = call.filters("name", "driver", "label", "dangling");
        ArrayNode array = Json.array();
        for (Volume volume : volumes.list()) {
            if (filters.any("name", volume.name()::contains) && filters.exactly("driver", "local") && filters.labels("label", volume.labels())
                    && filters.any("dangling", wanted -> (wanted.equals("true") || wanted.equals("1")) == containersWith(volume.name()).isEmpty())) {
                array.add(json(volume));
            }
        }
        ObjectNode reply = Json.object();
        reply.set("Volumes", array);
        return Reply.json(reply.putNull("Warnings"));
    }

    /** One that is there with the same options, or where none are given, is given back, as in Docker. */
    private CompletionStage<Reply> create(Call call) {
        JsonNode body = call.objectBody();
        if (!Set.of("", "local").contains(body.path("Driver").asText(""))) {
            throw ApiException.notImplemented("volume drivers (" + body.path("Driver").asText() + ")");
        }
        if (!body.path("ClusterVolumeSpec").isEmpty()) {
            throw ApiException.notImplemented("ClusterVolumeSpec of a volume");
        }
        String name = body.path("Name").asText("");
        if (name.isEmpty()) {
            byte[] random = new byte[32];
            new SecureRandom().nextBytes(random);
            name = HexFormat.of().formatHex(random);
        }
        return CompletableFuture.completedFuture(Reply.created(json(volumes.create(name, texts(body, "DriverOpts"), texts(body, "Labels")))));
    }

    private static Map<String, String> texts(JsonNode body, String field) {
        Map<String, String> texts = new TreeMap<>();
        body.path(field).properties().forEach(entry -> {
            if (!entry.getValue().isTextual()) {
                throw ApiException.badRequest(field + "." + entry.getKey() + ": expected a string");
            }
            texts.put(entry.getKey(), entry.getValue().asText());
        });
        return texts;
    }

    private CompletionStage<Reply> remove(Call call) {
        String name = find(call.path("name")).name();
        List<String> users = containersWith(name);
        if (!users.isEmpty()) {
            throw ApiException.conflict("remove " + name + ": volume is in use - [" + String.join(", ", users) + "]");
        }
        volumes.remove(name);
        return CompletableFuture.completedFuture(Reply.NO_CONTENT);
    }

    /** Without {@code all=true} Docker prunes unnamed volumes only, and there are none that outlive their container. */
    private CompletionStage<Reply> prune(Call call) {
        Filters filters = call.filters("all", "label", "label!");
        ArrayNode deleted = Json.array();
        long bytes = 0;
        if (filters.has("all") && filters.any("all", wanted -> wanted.equals("true") || wanted.equals("1"))) {
            Set<String> named = namedByServices(call.snapshotOrNull());
            for (Volume volume : volumes.list()) {
                if (!named.contains(volume.name()) && containersWith(volume.name()).isEmpty() && filters.labels("label", volume.labels())
                        && (!filters.has("label!") || !filters.labels("label!", volume.labels()))) {
                    bytes += Math.max(0, volumes.bytes(volume));
                    volumes.remove(volume.name());
                    deleted.add(volume.name());
                }
            }
        }
        ObjectNode reply = Json.object();
        reply.set("VolumesDeleted", deleted);
        return CompletableFuture.completedFuture(Reply.json(reply.put("SpaceReclaimed", bytes)));
    }

    private static Set<String> namedByServices(ClusterSnapshot snapshot) {
        Set<String> names = new TreeSet<>();
        if (snapshot != null) {
            for (Document service : snapshot.documents().getOrDefault(Kind.SERVICE, List.of())) {
                service.spec().path("TaskTemplate").path("ContainerSpec").path("Mounts").forEach(mount -> {
                    if (mount.path("Type").asText().equals("volume")) {
                        names.add(mount.path("Source").asText());
                    }
                });
            }
        }
        return names;
    }

    private List<String> containersWith(String volume) {
        return runtime.list().stream().filter(container -> mounts(container, volume)).map(Container::id).toList();
    }

    private static boolean mounts(Container container, String volume) {
        return container.spec().filesystem().mounts().stream().anyMatch(mount -> mount.type() == Mount.Type.VOLUME && mount.source().equals(volume));
    }

    /** For {@code docker system df}. */
    ArrayNode usage() {
        ArrayNode array = Json.array();
        for (Volume volume : volumes.list()) {
            array.add(json(volume).set("UsageData", Json.object().put("Size", volumes.bytes(volume)).put("RefCount", containersWith(volume.name()).size())));
        }
        return array;
    }

    private static ObjectNode json(Volume volume) {
        ObjectNode json = Json.object().put("CreatedAt", Json.time(volume.created())).put("Driver", "local")
                .put("Mountpoint", volume.data().toString()).put("Name", volume.name()).put("Scope", "local");
        json.set("Labels", volume.labels().isEmpty() ? null : Json.map(volume.labels()));
        json.set("Options", volume.options().isEmpty() ? null : Json.map(volume.options()));
        return json;
    }
}
