package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A compose file as {@code starling plan} needs it: of each service what decides where its tasks can run (deploy, image, platform, host ports,
 * bind mounts). All else is left alone: {@code docker stack deploy} reads the file itself, this is for a look ahead.
 */
public final class ComposeFile {
    private static final Pattern SIZE = Pattern.compile("(?i)([0-9]+(?:\\.[0-9]+)?)\\s*([kmgt]?)i?b?");
    private static final Map<String, Integer> SHIFTS = Map.of("", 0, "k", 10, "m", 20, "g", 30, "t", 40);

    /**
     * @param stack prefix of the services' names ("STACK_web"); empty for none
     * @return service specs as the Docker API takes them
     * @throws SpecException INVALID, its text beginning with the place in the file
     */
    public static List<ObjectNode> services(JsonNode compose, String stack) {
        JsonNode services = compose.path("services");
        if (!services.isObject() || services.isEmpty()) {
            throw SpecException.invalid("services: a compose file needs at least one service");
        }
        List<ObjectNode> specs = new ArrayList<>();
        services.properties().forEach(entry -> specs.add(new ComposeFile("services." + entry.getKey(), entry.getValue())
                .spec(stack.isEmpty() ? entry.getKey() : stack + "_" + entry.getKey())));
        return specs;
    }

    private final String path;
    private final JsonNode service;
    private final JsonNode deploy;

    private ComposeFile(String path, JsonNode service) {
        this.path = path;
        this.service = service;
        this.deploy = service.path("deploy");
    }

    private ObjectNode spec(String name) {
        ObjectNode spec = JsonNodeFactory.instance.objectNode().put("Name", name);
        ObjectNode template = spec.putObject("TaskTemplate");
        String image = text(service.path("image"), "image");
        if (image.isEmpty()) {
            throw wrong("image", "is missing: only images can be planned, not builds");
        }
        ObjectNode container = template.putObject("ContainerSpec").put("Image", image);
        mounts(container);
        reservations(template);
        placement(template);
        mode(spec);
        ports(spec);
        return spec;
    }

    private void mode(ObjectNode spec) {
        ObjectNode mode = spec.putObject("Mode");
        int replicas = deploy.path("replicas").isMissingNode() ? 1 : integer(deploy.path("replicas"), "deploy.replicas");
        String name = text(deploy.path("mode"), "deploy.mode");
        switch (name) {
            case "", "replicated" -> mode.putObject("Replicated").put("Replicas", replicas);
            case "global" -> mode.putObject("Global");
            case "replicated-job" -> mode.putObject("ReplicatedJob").put("TotalCompletions", replicas).put("MaxConcurrent", replicas);
            case "global-job" -> mode.putObject("GlobalJob");
            default -> throw wrong("deploy.mode", "\"" + name + "\" is none of replicated, global, replicated-job, global-job");
        }
    }

    private void placement(ObjectNode template) {
        ObjectNode placement = template.putObject("Placement");
        JsonNode from = deploy.path("placement");
        from.path("constraints").forEach(constraint ->
                placement.withArray("/Constraints").add(text(constraint, "deploy.placement.constraints")));
        from.path("preferences").forEach(preference -> placement.withArray("/Preferences").addObject().putObject("Spread")
                .put("SpreadDescriptor", text(preference.path("spread"), "deploy.placement.preferences.spread")));
        if (from.path("max_replicas_per_node").isNumber()) {
            placement.put("MaxReplicas", integer(from.path("max_replicas_per_node"), "deploy.placement.max_replicas_per_node"));
        }
        String platform = text(service.path("platform"), "platform");
        if (!platform.isEmpty()) {
            int slash = platform.indexOf('/');
            placement.withArray("/Platforms").addObject().put("OS", slash < 0 ? platform : platform.substring(0, slash))
                    .put("Architecture", slash < 0 ? "" : platform.substring(slash + 1));
        }
    }

    private void reservations(ObjectNode template) {
        JsonNode from = deploy.path("resources").path("reservations");
        ObjectNode reservations = template.putObject("Resources").putObject("Reservations");
        String cpus = text(from.path("cpus"), "deploy.resources.reservations.cpus");
        if (!cpus.isEmpty()) {
            reservations.put("NanoCPUs", nanoCpus(cpus));
        }
        String memory = text(from.path("memory"), "deploy.resources.reservations.memory");
        if (!memory.isEmpty()) {
            reservations.put("MemoryBytes", bytes(memory));
        }
        from.path("generic_resources").forEach(generic -> {
            JsonNode discrete = generic.path("discrete_resource_spec");
            reservations.withArray("/GenericResources").addObject().putObject("DiscreteResourceSpec")
                    .put("Kind", text(discrete.path("kind"), "deploy.resources.reservations.generic_resources.kind"))
                    .put("Value", integer(discrete.path("value"), "deploy.resources.reservations.generic_resources.value"));
        });
    }

    /** Only bind mounts decide about a place. A source that is no absolute path is relative to the file, which no other node has. */
    private void mounts(ObjectNode container) {
        for (JsonNode volume : service.path("volumes")) {
            String[] parts = volume.isTextual() ? text(volume, "volumes").split(":") : new String[0];
            String source = parts.length > 1 ? parts[0]
                    : volume.path("type").asText().equals("bind") ? text(volume.path("source"), "volumes.source") : "";
            if (source.startsWith("/")) {
                container.withArray("/Mounts").addObject().put("Type", "bind").put("Source", source)
                        .put("Target", parts.length > 1 ? parts[1] : text(volume.path("target"), "volumes.target"));
            }
        }
    }

    /** In the short form a port is published on every node, which decides about no place. */
    private void ports(ObjectNode spec) {
        for (JsonNode port : service.path("ports")) {
            if (port.path("mode").asText().equals("host")) {
                ObjectNode published = spec.withArray("/EndpointSpec/Ports").addObject().put("Protocol", port.path("protocol").asText("tcp"))
                        .put("PublishMode", "host").put("TargetPort", integer(port.path("target"), "ports.target"));
                if (!port.path("published").isMissingNode()) { // else the node of each task picks one
                    published.put("PublishedPort", integer(port.path("published"), "ports.published"));
                }
            }
        }
    }

    private String text(JsonNode value, String field) {
        if (value.isMissingNode() || value.isNull()) {
            return "";
        }
        if (!value.isValueNode()) {
            throw wrong(field, "expected one value");
        }
        if (value.asText().contains("${")) {
            throw wrong(field, "\"" + value.asText() + "\" has a variable: write its value (docker stack config FILE does so for all)");
        }
        return value.asText();
    }

    private int integer(JsonNode value, String field) {
        String text = text(value, field);
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw wrong(field, "\"" + text + "\" is not a whole number");
        }
    }

    private long nanoCpus(String text) {
        try {
            return new BigDecimal(text).movePointRight(9).longValueExact();
        } catch (ArithmeticException | NumberFormatException e) {
            throw wrong("deploy.resources.reservations.cpus", "\"" + text + "\" is not a number of CPUs such as 0.5");
        }
    }

    private long bytes(String text) {
        Matcher size = SIZE.matcher(text.strip());
        if (!size.matches()) {
            throw wrong("deploy.resources.reservations.memory", "\"" + text + "\" is not an amount of memory such as 512M");
        }
        return new BigDecimal(size.group(1)).multiply(BigDecimal.valueOf(1L << SHIFTS.get(size.group(2).toLowerCase(Locale.ROOT)))).longValue();
    }

    private SpecException wrong(String field, String problem) {
        return SpecException.invalid(path + "." + field + ": " + problem);
    }
}
