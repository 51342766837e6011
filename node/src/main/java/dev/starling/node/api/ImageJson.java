package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.HealthCheck;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageDetails;
import java.util.List;

/** Images of this node as {@code docker image ls} and {@code inspect} read them. */
final class ImageJson {
    private static final long NANOS_PER_MILLI = 1_000_000;

    static ObjectNode summary(Image image, long containers) {
        ObjectNode json = Json.object().put("Containers", containers).put("Created", image.created() == null ? 0
                : image.created().getEpochSecond()).put("Id", image.id());
        json.set("Labels", Json.map(image.config().labels()));
        json.put("ParentId", "");
        json.set("RepoDigests", Json.strings(image.digests()));
        json.set("RepoTags", Json.strings(image.tags()));
        return json.put("SharedSize", -1).put("Size", image.size());
    }

    static ObjectNode detail(Image image, ImageDetails details) {
        ObjectNode json = Json.object().put("Id", image.id());
        json.set("RepoTags", Json.strings(image.tags()));
        json.set("RepoDigests", Json.strings(image.digests()));
        json.put("Parent", "").put("Comment", details.comment()).put("Created", image.created() == null ? "" : Json.time(image.created()))
                .put("DockerVersion", details.dockerVersion()).put("Author", details.author());
        json.set("Config", config(image.config()));
        json.put("Architecture", image.architecture());
        if (!image.variant().isEmpty()) {
            json.put("Variant", image.variant());
        }
        json.put("Os", image.os()).put("Size", image.size());
        ObjectNode rootFs = json.putObject("RootFS").put("Type", "layers");
        rootFs.set("Layers", Json.strings(image.layers()));
        return json;
    }

    /** {@code docker history}: newest step first; only the image as a whole has an id, the steps below it are "missing", as of everything that was pulled. */
    static ArrayNode history(Image image, ImageDetails details) {
        ArrayNode json = Json.array();
        List<ImageDetails.Step> steps = details.history();
        for (int i = steps.size() - 1; i >= 0; i--) {
            boolean top = i == steps.size() - 1;
            ObjectNode entry = json.addObject().put("Id", top ? image.id() : "<missing>").put("Created", steps.get(i).created().getEpochSecond())
                    .put("CreatedBy", steps.get(i).createdBy()).put("Size", steps.get(i).size()).put("Comment", steps.get(i).comment());
            entry.set("Tags", top && !image.tags().isEmpty() ? Json.strings(image.tags()) : null);
        }
        return json;
    }

    /** {@code DELETE /images/...}: lines like "Untagged: busybox:2" as Docker's list of objects. */
    static ArrayNode removed(List<String> lines) {
        ArrayNode json = Json.array();
        for (String line : lines) {
            int colon = line.indexOf(": ");
            if (colon < 0) {
                throw new IllegalStateException("the image store answered \"" + line + "\" instead of \"Untagged: ...\" or \"Deleted: ...\"");
            }
            json.addObject().put(line.substring(0, colon), line.substring(colon + 2));
        }
        return json;
    }

    private static ObjectNode config(Image.Config config) {
        ObjectNode json = Json.object().put("User", config.user()).put("WorkingDir", config.workingDir())
                .put("StopSignal", config.stopSignal());
        json.set("Env", Json.strings(config.env()));
        json.set("Cmd", Json.strings(config.cmd()));
        json.set("Entrypoint", Json.strings(config.entrypoint()));
        json.set("Labels", Json.map(config.labels()));
        ObjectNode ports = json.putObject("ExposedPorts");
        config.exposedPorts().forEach(ports::putObject);
        ObjectNode volumes = json.putObject("Volumes");
        config.volumes().forEach(volumes::putObject);
        if (!config.health().test().isEmpty()) {
            json.set("Healthcheck", health(config.health()));
        }
        return json;
    }

    private static ObjectNode health(HealthCheck health) {
        ObjectNode json = Json.object();
        json.set("Test", Json.strings(health.test()));
        return json.put("Interval", health.intervalMillis() * NANOS_PER_MILLI).put("Timeout", health.timeoutMillis() * NANOS_PER_MILLI)
                .put("StartPeriod", health.startPeriodMillis() * NANOS_PER_MILLI).put("StartInterval", health.startIntervalMillis() * NANOS_PER_MILLI)
                .put("Retries", health.retries());
    }

    private ImageJson() {}
}
