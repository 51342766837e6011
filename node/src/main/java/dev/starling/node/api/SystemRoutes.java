package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/** {@code /_ping}, {@code /version}, {@code /info} and {@code /system/df}: this node. */
final class SystemRoutes {
    private final ClusterControl control;
    private final ContainerRuntime runtime;
    private final ImageStore images;
    private final VolumeRoutes volumes;
    private final Supplier<HostInfo> host;

    SystemRoutes(
            ClusterControl control, ContainerRuntime runtime, ImageStore images, VolumeRoutes volumes, Supplier<HostInfo> host) {
        this.control = control;
        this.runtime = runtime;
        this.images = images;
        this.volumes = volumes;
        this.host = host;
    }

    void addTo(Endpoints endpoints) {
        endpoints.stream(HttpMethod.HEAD, "/_ping", this::ping);
        endpoints.stream(HttpMethod.GET, "/_ping", this::ping);
        endpoints.get("/version", call -> Reply.json(SystemJson.version(host.get())));
        endpoints.get("/info", this::info);
        endpoints.get("/system/df", call -> Reply.json(diskUsage()));
    }

    /** Each command of the CLI opens with it; {@code Api-Version} (set on every answer) is what it looks for. */
    private void ping(RoutingContext context) {
        ClusterSnapshot snapshot = control.snapshot();
        HttpServerResponse response = context.response();
        response.putHeader("Content-Type", "text/plain; charset=utf-8").putHeader("Cache-Control", "no-cache, no-store, must-revalidate")
                .putHeader("Pragma", "no-cache").putHeader("Builder-Version", "1").putHeader("Swarm",
                        snapshot == null ? control.isLocked() ? "locked" : "inactive" : "active/" + snapshot.role().name().toLowerCase(Locale.ROOT));
        if (context.request().method() == HttpMethod.HEAD) {
            response.putHeader("Content-Length", "0").end();
        } else {
            response.end("OK");
        }
    }

    private Reply info(Call call) {
        ClusterSnapshot snapshot = call.snapshotOrNull();
        ObjectNode swarm = snapshot != null ? new SwarmJson(snapshot, control).info()
                : SystemJson.noSwarm(control.isLocked() ? "locked" : "inactive");
        return Reply.json(SystemJson.info(host.get(), runtime.list(), images.list().size(), swarm, Instant.now()));
    }

    /** {@code docker system df}. Layers that images share count once; what is kept for other nodes counts to no image. */
    private ObjectNode diskUsage() {
        List<Container> containers = runtime.list();
        ImageStore.StoreUsage usage = images.usage();
        ObjectNode json = Json.object().put("LayersSize", usage.layerBytes());
        ArrayNode imageEntries = json.putArray("Images");
        for (Image image : images.list()) {
            long users = containers.stream().filter(container -> image.equals(images.find(container.spec().image()))).count();
            imageEntries.add(ImageJson.summary(image, users).put("SharedSize", usage.shared().getOrDefault(image.id(), 0L)));
        }
        ArrayNode containerEntries = json.putArray("Containers");
        containers.forEach(container -> containerEntries.add(
                ContainerJson.summary(container, images.find(container.spec().image()), Instant.now()).put("SizeRw", writtenBytes(container))));
        json.set("Volumes", volumes.usage());
        json.putArray("BuildCache");
        return json;
    }

    private long writtenBytes(Container container) {
        try {
            return runtime.writtenBytes(container.id());
        } catch (RuntimeShimException gone) {
            return 0; // removed meanwhile, or a runtime that cannot tell
        }
    }
}
