package dev.starling.node.spec;

import static dev.starling.node.spec.JsonValues.count;
import static dev.starling.node.spec.JsonValues.integer;
import static dev.starling.node.spec.JsonValues.millisOfNanos;
import static dev.starling.node.spec.JsonValues.string;
import static dev.starling.node.spec.JsonValues.strings;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.UpdatePolicy;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes from a stored service what the planner needs. {@link ServiceSpecCheck} saw the spec when it was written, but perhaps that of another
 * release: so nothing here throws, and what is not understood reads as absent. A mode that is not understood runs nothing.
 */
public final class ServiceSpecReader {
    /** A body with {@code "RolledBack": true} was written by {@code docker service rollback}, and follows RollbackConfig. */
    public static final String ROLLED_BACK = "RolledBack";

    public static ServiceSpec fromBody(Document document) {
        JsonNode spec = document.spec();
        TaskTemplate template = TaskTemplate.of(spec);
        JsonNode placement = template.json().path("Placement");
        UpdatePolicy update = updatePolicy(spec.path(isRolledBack(document) ? "RollbackConfig" : "UpdateConfig"));
        if (update.failureAction() == UpdatePolicy.FailureAction.ROLLBACK && !canRollBack(document)) {
            update = update.withoutRollback();
        }
        return new ServiceSpec(document.uid(), document.name(), document.object().created(), document.object().generation(),
                template.hash(), template.image(), ServiceMode.read(document), resources(template.json().path("Resources").path("Reservations")),
                strings(placement.path("Constraints")), spreadPreferences(placement.path("Preferences")),
                platforms(placement.path("Platforms")), count(placement.path("MaxReplicas"), 0),
                restartPolicy(template.json().path("RestartPolicy")),
                update, UpdateStatus.of(document).stage(), networks(spec),
                hostPorts(spec.path("EndpointSpec").path("Ports")), openPorts(spec.path("EndpointSpec").path("Ports")), hostPaths(template.container()), SiteLabels.read(document.body()));
    }

    static boolean isRolledBack(Document document) {
        return document.body().path(ROLLED_BACK).asBoolean(false);
    }

    /** There is something to go back to, and it was not gone back to already. */
    private static boolean canRollBack(Document document) {
        JsonNode previous = document.body().path("PreviousSpec");
        return !isRolledBack(document) && previous.isObject() && !TaskTemplate.of(previous).hash().equals(TaskTemplate.of(document.spec()).hash());
    }

    /** Sources of binds, and devices. Those with a placeholder are left out: they are another path for each task. */
    private static List<String> hostPaths(JsonNode container) {
        List<String> paths = new ArrayList<>();
        container.path("Mounts").forEach(mount -> {
            if (mount.path("Type").asText("").equals("bind")) {
                paths.add(string(mount.path("Source"), ""));
            }
        });
        container.path("Devices").forEach(device -> paths.add(string(device.path("PathOnHost"), "")));
        return paths.stream().filter(path -> path.startsWith("/") && !path.contains("{{") && path.indexOf('\0') < 0).distinct().toList();
    }

    private static Resources resources(JsonNode resources) {
        return new Resources(Math.max(0, integer(resources.path("NanoCPUs"), 0)), Math.max(0, integer(resources.path("MemoryBytes"), 0)),
                GenericResourceJson.reserved(resources.path("GenericResources")));
    }

    private static List<String> spreadPreferences(JsonNode preferences) {
        List<String> result = new ArrayList<>();
        preferences.forEach(preference -> {
            String descriptor = string(preference.path("Spread").path("SpreadDescriptor"), "");
            if (!descriptor.isEmpty()) {
                result.add(descriptor);
            }
        });
        return List.copyOf(result);
    }

    private static List<Platform> platforms(JsonNode platforms) {
        List<Platform> result = new ArrayList<>();
        platforms.forEach(platform ->
                result.add(new Platform(string(platform.path("OS"), ""), string(platform.path("Architecture"), ""))));
        return List.copyOf(result);
    }

    private static RestartPolicy restartPolicy(JsonNode policy) {
        RestartPolicy standard = RestartPolicy.DEFAULT;
        RestartPolicy.Condition condition = switch (policy.path("Condition").asText("")) {
            case "none" -> RestartPolicy.Condition.NONE;
            case "on-failure" -> RestartPolicy.Condition.ON_FAILURE;
            default -> standard.condition();
        };
        return new RestartPolicy(condition, millisOfNanos(policy.path("Delay"), standard.delayMillis()),
                count(policy.path("MaxAttempts"), standard.maxAttempts()), millisOfNanos(policy.path("Window"), standard.windowMillis()));
    }

    /** As in Docker, a config that is there but leaves the parallelism out means 0: all at once. */
    private static UpdatePolicy updatePolicy(JsonNode config) {
        UpdatePolicy standard = UpdatePolicy.DEFAULT;
        if (!config.isObject()) {
            return standard;
        }
        UpdatePolicy.FailureAction action = switch (config.path("FailureAction").asText("")) {
            case "continue" -> UpdatePolicy.FailureAction.CONTINUE;
            case "rollback" -> UpdatePolicy.FailureAction.ROLLBACK;
            default -> UpdatePolicy.FailureAction.PAUSE;
        };
        UpdatePolicy.Order order = config.path("Order").asText("").equals("start-first")
                ? UpdatePolicy.Order.START_FIRST : UpdatePolicy.Order.STOP_FIRST;
        double ratio = config.path("MaxFailureRatio").isNumber() ? config.path("MaxFailureRatio").doubleValue() : 0;
        long monitor = millisOfNanos(config.path("Monitor"), standard.monitorMillis());
        return new UpdatePolicy(count(config.path("Parallelism"), 0), millisOfNanos(config.path("Delay"), 0), action,
                monitor == 0 ? standard.monitorMillis() : monitor, Math.max(0, Math.min(1, ratio)), order);
    }

    private static List<String> networks(JsonNode spec) {
        List<String> result = new ArrayList<>();
        spec.path("TaskTemplate").path("Networks").forEach(network -> {
            String target = string(network.path("Target"), "");
            if (!target.isEmpty() && !result.contains(target)) {
                result.add(target);
            }
        });
        if (IngressNetwork.isUsedBy(spec)) {
            result.add(IngressNetwork.UID);
        }
        return List.copyOf(result);
    }

    private static List<String> hostPorts(JsonNode ports) {
        List<String> result = new ArrayList<>();
        ports.forEach(port -> {
            if (ServiceEndpoints.isFixed(port)) {
                result.add(string(port.path("Protocol"), "tcp") + "/" + port.path("PublishedPort").asInt());
            }
        });
        return List.copyOf(result);
    }

    private static List<String> openPorts(JsonNode ports) {
        List<String> result = new ArrayList<>();
        ports.forEach(port -> {
            if (ServiceEndpoints.isOpen(port)) {
                result.add(string(port.path("Protocol"), "tcp") + "/" + port.path("TargetPort").asInt(0));
            }
        });
        return result.stream().sorted().toList();
    }

    private ServiceSpecReader() {}
}
