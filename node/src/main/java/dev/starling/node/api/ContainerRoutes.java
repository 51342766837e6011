package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.image.ImageStore;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** {@code /containers}: the containers of this node. All of them belong to tasks, so stopping one makes its service start another. */
final class ContainerRoutes {
    /** Below {@link Endpoints#BOUND_SECONDS}, so that the answer still comes. */
    private static final int MAX_STOP_SECONDS = 45;
    private static final int DEFAULT_STOP_SECONDS = 10;

    private final ContainerRuntime runtime;
    private final ImageStore images;

    ContainerRoutes(ContainerRuntime runtime, ImageStore images) {
        this.runtime = runtime;
        this.images = images;
    }

    void addTo(Endpoints endpoints) {
        endpoints.get("/containers/json", this::list);
        endpoints.get("/containers/{id}/json", call -> {
            Container container = find(call.path("id"));
            return Reply.json(ContainerJson.detail(container, images.find(container.spec().image())));
        });
        endpoints.post("/containers/{id}/stop", this::stop);
        endpoints.post("/containers/{id}/kill", this::kill);
        endpoints.post("/containers/{id}/pause", call -> pause(call, true));
        endpoints.post("/containers/{id}/unpause", call -> pause(call, false));
    }

    /** By id, name, or the beginning of an id where only one begins so. */
    Container find(String reference) {
        String name = reference.startsWith("/") ? reference.substring(1) : reference;
        List<Container> all = runtime.list();
        for (Container container : all) {
            if (container.id().equals(name) || container.spec().name().equals(name)) {
                return container;
            }
        }
        List<Container> found = all.stream().filter(container -> container.id().startsWith(name)).toList();
        return switch (found.size()) {
            case 0 -> throw ApiException.notFound("No such container: " + reference);
            case 1 -> found.get(0);
            default -> throw ApiException.badRequest("multiple IDs found with provided prefix: " + reference);
        };
    }

    private Reply list(Call call) {
        Filters filters = call.filters("id", "name", "label", "status", "health");
        filters.require("status", List.of("created", "restarting", "running", "removing", "paused", "exited", "dead"));
        int limit = (int) call.integer("limit", 0, -1, Integer.MAX_VALUE);
        boolean all = call.flag("all") || filters.has("status") || limit > 0;
        Instant now = Instant.now();
        ArrayNode result = Json.array();
        runtime.list().stream()
                .filter(container -> all || container.state() == Container.State.RUNNING)
                .filter(container -> filters.prefix("id", container.id()) && filters.any("name", container.spec().name()::contains)
                        && filters.labels("label", container.spec().labels())
                        && filters.exactly("health", container.health().status().name().toLowerCase(Locale.ROOT))
                        && filters.exactly("status", ContainerJson.stateName(container)))
                .sorted(Comparator.comparing(ContainerRoutes::started).reversed())
                .limit(limit > 0 ? limit : Long.MAX_VALUE)
                .forEach(container -> result.add(ContainerJson.summary(container, images.find(container.spec().image()), now)));
        return Reply.json(result);
    }

    private CompletionStage<Reply> stop(Call call) {
        long seconds = call.integer("t", DEFAULT_STOP_SECONDS, 0, MAX_STOP_SECONDS);
        if (!call.query("signal", "").isEmpty()) {
            throw ApiException.notImplemented("stopping with another signal than the service's (docker stop --signal)");
        }
        runtime.stop(find(call.path("id")).id(), Duration.ofSeconds(seconds));
        return CompletableFuture.completedFuture(Reply.NO_CONTENT);
    }

    private CompletionStage<Reply> kill(Call call) {
        Container container = find(call.path("id"));
        if (container.state() != Container.State.RUNNING) {
            throw ApiException.conflict("cannot kill container: " + call.path("id") + ": container " + container.id() + " is not running");
        }
        runtime.signal(container.id(), call.query("signal", "KILL"));
        return CompletableFuture.completedFuture(Reply.NO_CONTENT);
    }

    private CompletionStage<Reply> pause(Call call, boolean still) {
        runtime.pause(find(call.path("id")).id(), still);
        return CompletableFuture.completedFuture(Reply.NO_CONTENT);
    }

    private static Instant started(Container container) {
        return container.startedAt() == null ? Instant.EPOCH : container.startedAt();
    }
}
