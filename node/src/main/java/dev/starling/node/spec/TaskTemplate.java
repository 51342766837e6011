package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Task;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * {@code Spec.TaskTemplate} of a service: what its tasks are made from. The tree is shared: never change it.
 *
 * <p>Its {@link #hash} decides which tasks are out of date. All of the template counts, also {@code ForceUpdate} and the networks, but for
 * what the CLI writes or leaves out as it pleases: empty values, {@code Runtime: container}, {@code Isolation: default}, and the platforms,
 * which it knows only when a registry answers.
 *
 * @param ports what of {@code EndpointSpec.Ports} a task has to be made for
 */
public record TaskTemplate(JsonNode json, List<String> ports) {
    /** The template of a service spec ({@code Spec} or {@code PreviousSpec}). */
    public static TaskTemplate of(JsonNode serviceSpec) {
        return new TaskTemplate(serviceSpec.path("TaskTemplate"), ports(serviceSpec));
    }

    /** Ports that are published on the nodes of its tasks, for which they are placed; and that there are others, for which they have an address. */
    private static List<String> ports(JsonNode serviceSpec) {
        List<String> ports = new ArrayList<>();
        serviceSpec.path("EndpointSpec").path("Ports").forEach(port -> {
            String text = ServiceEndpoints.isIngress(port) ? "ingress" : ServiceEndpoints.protocol(port) + "/" + port.path("PublishedPort").asInt(0);
            if (ServiceEndpoints.isOpen(port)) { // a task has a number for each of them, and keeps what it leads to
                ports.add(text + ":" + port.path("TargetPort").asInt(0));
            } else if (!ports.contains(text)) {
                ports.add(text);
            }
        });
        return ports.stream().sorted().toList();
    }

    /** The template that {@code task} was made from: the service's current one or the one before; empty where it is older. */
    public static Optional<TaskTemplate> of(Document service, Task task) {
        TaskTemplate current = of(service.spec());
        if (current.hash().equals(task.templateHash())) {
            return Optional.of(current);
        }
        TaskTemplate previous = of(service.body().path("PreviousSpec"));
        return previous.hash().equals(task.templateHash()) ? Optional.of(previous) : Optional.empty();
    }

    public String hash() {
        if (!json.isObject()) {
            return CanonicalJson.sha256("");
        }
        ObjectNode copy = json.deepCopy();
        if (copy.path("Placement") instanceof ObjectNode placement) {
            placement.remove("Platforms");
        }
        if (copy.path("Runtime").asText().equals("container")) {
            copy.remove("Runtime");
        }
        if (copy.path("ContainerSpec") instanceof ObjectNode container && container.path("Isolation").asText().equals("default")) {
            container.remove("Isolation");
        }
        if (copy.path("ForceUpdate").asLong(0) == 0) {
            copy.remove("ForceUpdate");
        }
        if (!ports.isEmpty()) {
            ArrayNode published = copy.putArray("Published");
            ports.forEach(published::add);
        }
        return CanonicalJson.sha256(copy);
    }

    public JsonNode container() {
        return json.path("ContainerSpec");
    }

    public String image() {
        return container().path("Image").asText("");
    }

    /** How long a task may take to end after its stop signal; Docker's default is 10 s. */
    public Duration stopGrace() {
        return Duration.ofMillis(JsonValues.millisOfNanos(container().path("StopGracePeriod"), 10_000));
    }
}
