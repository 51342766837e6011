package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.image.Image;
import java.util.List;

/** Images of this node as {@code docker image ls} and {@code inspect} read them. */
final class ImageJson {
    static ObjectNode summary(Image image, long containers) {
        ObjectNode json = Json.object().put("Containers", containers).put("Created", image.created() == null ? 0
                : image.created().getEpochSecond()).put("Id", image.id());
        json.set("Labels", Json.map(image.config().labels()));
        json.put("ParentId", "");
        json.set("RepoDigests", Json.strings(image.digests()));
        json.set("RepoTags", Json.strings(image.tags()));
        return json.put("SharedSize", -1).put("Size", image.size());
    }

    static ObjectNode detail(Image image) {
        ObjectNode json = Json.object().put("Id", image.id());
        json.set("RepoTags", Json.strings(image.tags()));
        json.set("RepoDigests", Json.strings(image.digests()));
        json.put("Parent", "").put("Comment", "").put("Created", image.created() == null ? "" : Json.time(image.created()))
                .put("DockerVersion", "").put("Author", "");
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
        return json;
    }

    private ImageJson() {}
}
