package dev.starling.runtime.supervision;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.ContainerSpec;
import java.util.List;

/**
 * A {@link ContainerSpec} as state.json had it before it was divided into groups: all its parts beside each other, and of the last ones only those that the
 * release knew that wrote it. A container that such a release has started runs on after an upgrade, so it has to be read as long as one may.
 */
final class FlatSpec {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private final JsonNode flat;

    private FlatSpec(JsonNode flat) {
        this.flat = flat;
    }

    /** In groups; what is in groups already stays as it is. */
    static JsonNode upgraded(JsonNode spec) {
        return !spec.isObject() || spec.has("process") ? spec : new FlatSpec(spec).grouped();
    }

    private ObjectNode grouped() {
        ObjectNode grouped = NODES.objectNode();
        copy(grouped, flat, "id", "name", "image", "labels");
        grouped.set("process", process());
        copy(grouped.putObject("streams"), flat, "tty", "openStdin");
        grouped.set("filesystem", filesystem());
        grouped.set("security", security());
        copy(grouped.putObject("names"), flat, "hostname", "hosts", "dns");
        copy(grouped, flat, "sysctls", "limits");
        grouped.putObject("logging").put("driver", flat.path("logDriver").asText("")).set("options", flat.path("logOptions"));
        grouped.set("health", flat.hasNonNull("health") ? flat.get("health") : NODES.objectNode().set("test", NODES.arrayNode())); // numbers are 0 where absent
        return grouped;
    }

    private ObjectNode process() {
        ObjectNode process = NODES.objectNode();
        copy(process, flat, "entrypoint", "args", "env", "workingDirectory", "user", "groups", "stopSignal");
        JsonNode options = flat.path("options");
        process.put("init", options.path("init").asBoolean(false));
        process.putObject("limits").put("oomScoreAdjustment", options.path("oomScoreAdjustment").asInt(0)).set("ulimits", list(options, "ulimits"));
        return process;
    }

    private ObjectNode filesystem() {
        ObjectNode filesystem = NODES.objectNode().put("readOnlyRoot", flat.path("readOnlyRoot").asBoolean(false));
        ArrayNode mounts = filesystem.putArray("mounts");
        for (JsonNode before : flat.path("mounts")) {
            ObjectNode mount = before.deepCopy();
            mount.put("propagation", before.path("propagation").asText(""));
            for (String map : List.of("volumeOptions", "volumeLabels")) {
                mount.set(map, before.hasNonNull(map) ? before.get(map) : NODES.objectNode());
            }
            mounts.add(mount);
        }
        return filesystem;
    }

    private ObjectNode security() {
        JsonNode options = flat.path("options");
        JsonNode confinement = options.path("confinement");
        ObjectNode security = NODES.objectNode();
        copy(security, flat, "capabilityAdd", "capabilityDrop");
        security.put("noNewPrivileges", options.path("noNewPrivileges").asBoolean(false)).put("seccomp", confinement.path("seccomp").asText(""))
                .put("appArmor", confinement.path("appArmor").asText("")).put("privileged", confinement.path("privileged").asBoolean(false));
        security.set("devices", list(options, "devices"));
        return security;
    }

    private static JsonNode list(JsonNode parent, String name) {
        return parent.hasNonNull(name) ? parent.get(name) : NODES.arrayNode();
    }

    private static void copy(ObjectNode to, JsonNode from, String... names) {
        for (String name : names) {
            to.set(name, from.get(name));
        }
    }
}
