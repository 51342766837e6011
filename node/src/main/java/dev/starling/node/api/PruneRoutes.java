package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code docker system prune}, {@code image prune} and {@code network prune}; volumes are in {@link VolumeRoutes}.
 *
 * <p>Nothing is pruned of containers: all belong to tasks, and an ended one goes with its task's history. There is no build cache.
 */
final class PruneRoutes {
    private static final Pattern GO_DURATION = Pattern.compile("([0-9]{1,6})(h|m|s)");

    private final ImageStore images;
    private final ClusterControl control;

    PruneRoutes(ImageStore images, ClusterControl control) {
        this.images = images;
        this.control = control;
    }

    void addTo(Endpoints endpoints) {
        endpoints.post("/images/prune", call -> CompletableFuture.completedFuture(images(call)));
        endpoints.post("/networks/prune", this::networks);
        endpoints.post("/containers/prune", call -> {
            call.filters("until", "label", "label!");
            return nothing("ContainersDeleted");
        });
        endpoints.post("/build/prune", call -> nothing("CachesDeleted"));
    }

    private static CompletionStage<Reply> nothing(String what) {
        ObjectNode json = Json.object();
        json.set(what, Json.array());
        return CompletableFuture.completedFuture(Reply.json(json.put("SpaceReclaimed", 0)));
    }

    /** Images without a tag; with {@code dangling=false} all that no container and no task of this node uses. */
    private Reply images(Call call) {
        Filters filters = call.filters("dangling", "until", "label", "label!");
        boolean all = filters.has("dangling") && filters.any("dangling", wanted -> wanted.equals("false") || wanted.equals("0"));
        Instant before = before(filters);
        ImageStore.Pruned pruned = images.prune(image -> (all || image.tags().isEmpty()) && created(image).isBefore(before)
                && wanted(filters, Json.map(image.config().labels())));
        ObjectNode json = Json.object();
        json.set("ImagesDeleted", ImageJson.removed(pruned.lines()));
        return Reply.json(json.put("SpaceReclaimed", pruned.bytes()));
    }

    private static Instant created(Image image) {
        return image.created() == null ? Instant.EPOCH : image.created();
    }

    /** Networks of the swarm that no service uses, where this node is a manager; on a worker, as in Docker, there are none to prune. */
    private CompletionStage<Reply> networks(Call call) {
        Filters filters = call.filters("until", "label", "label!");
        Instant before = before(filters);
        ClusterSnapshot snapshot = call.snapshotOrNull();
        List<Document> unused = new ArrayList<>();
        if (snapshot != null && snapshot.role() == Role.MANAGER) {
            for (Document network : snapshot.documents().getOrDefault(Kind.NETWORK, List.of())) {
                Instant created = Instant.ofEpochMilli(network.object().created().wallMillis());
                if (!network.uid().equals(IngressNetwork.UID) && NetworkRoutes.users(network, snapshot).isEmpty() && created.isBefore(before)
                        && wanted(filters, network.spec().path("Labels"))) {
                    unused.add(network);
                }
            }
        }
        CompletionStage<Void> done = CompletableFuture.completedFuture(null);
        ArrayNode deleted = Json.array();
        for (Document network : unused) {
            done = done.thenCompose(earlier -> control.delete(network.uid())).thenAccept(gone -> deleted.add(network.name()));
        }
        return done.thenApply(all -> Reply.json(Json.object().set("NetworksDeleted", deleted)));
    }

    private static boolean wanted(Filters filters, JsonNode labels) {
        return filters.labels("label", labels) && (!filters.has("label!") || !filters.labels("label!", labels));
    }

    /** {@code until=24h}, or a time: only what was made before. */
    private static Instant before(Filters filters) {
        Instant before = Instant.MAX;
        for (String text : filters.values("until")) {
            before = earlier(before, text);
        }
        return before;
    }

    private static Instant earlier(Instant before, String text) {
        Duration ago = Duration.ZERO;
        Matcher part = GO_DURATION.matcher(text);
        int end = 0;
        for (; part.lookingAt(); part.region(end, text.length())) {
            long amount = Long.parseLong(part.group(1));
            ago = ago.plus(switch (part.group(2)) {
                case "h" -> Duration.ofHours(amount);
                case "m" -> Duration.ofMinutes(amount);
                default -> Duration.ofSeconds(amount);
            });
            end = part.end();
        }
        Instant instant = end > 0 && end == text.length() ? Instant.now().minus(ago) : LogOptions.instant("until", text);
        return instant.isBefore(before) ? instant : before;
    }
}
