package dev.starling.node.spec;

import static dev.starling.node.spec.JsonValues.count;
import static dev.starling.node.spec.JsonValues.integer;
import static dev.starling.node.spec.JsonValues.map;
import static dev.starling.node.spec.JsonValues.millisOfNanos;
import static dev.starling.node.spec.JsonValues.string;
import static dev.starling.node.spec.JsonValues.strings;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.HealthCheck;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.launch.Devices;
import dev.starling.runtime.launch.ProcessLimits;
import dev.starling.runtime.logs.LogOptions;
import dev.starling.runtime.seccomp.FilterSource;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** What a container spec says of health checks, limits of its processes and logs: read for the runtime, and checked by the runtime's own rules. */
final class ContainerOptions {
    /** @throws SpecException that begins with the path of the field */
    static void check(JsonNode template) {
        JsonNode container = template.path("ContainerSpec");
        checked("TaskTemplate.ContainerSpec.Healthcheck", () -> health(container).check());
        checked("TaskTemplate.ContainerSpec", () -> ProcessLimits.check(process(container)));
        checked("TaskTemplate.ContainerSpec.Devices", () -> Devices.check(process(container)));
        checked("TaskTemplate.LogDriver", () -> LogOptions.parse(logDriver(template), map(template.path("LogDriver").path("Options"))));
    }

    private static void checked(String path, Runnable check) {
        try {
            check.run();
        } catch (RuntimeShimException e) {
            throw e.kind() == RuntimeShimException.Kind.UNSUPPORTED ? SpecException.notSupported(path + ": " + e.getMessage())
                    : SpecException.invalid(path + ": " + e.getMessage());
        }
    }

    static HealthCheck health(JsonNode container) {
        JsonNode check = container.path("Healthcheck");
        return new HealthCheck(strings(check.path("Test")), millis(check, "Interval"), millis(check, "Timeout"), millis(check, "StartPeriod"),
                millis(check, "StartInterval"), count(check.path("Retries"), 0));
    }

    /** A set duration below a millisecond is one all the same: 0 means not set. */
    private static long millis(JsonNode check, String field) {
        long millis = millisOfNanos(check.path(field), 0);
        return millis == 0 && integer(check.path(field), 0) > 0 ? 1 : millis;
    }

    /** @param given devices that the task got besides those of its spec */
    static ContainerSpec.ProcessOptions process(JsonNode container, List<String> given) {
        ContainerSpec.ProcessOptions options = process(container);
        List<ContainerSpec.Device> devices = new ArrayList<>(options.devices());
        for (String device : given) {
            if (devices.stream().noneMatch(said -> said.source().equals(device))) {
                devices.add(new ContainerSpec.Device(device, "", ""));
            }
        }
        return options.withDevices(devices);
    }

    static ContainerSpec.ProcessOptions process(JsonNode container) {
        List<ContainerSpec.Ulimit> ulimits = new ArrayList<>();
        for (JsonNode limit : container.path("Ulimits")) {
            ulimits.add(new ContainerSpec.Ulimit(string(limit.path("Name"), ""), integer(limit.path("Soft"), 0), integer(limit.path("Hard"), 0)));
        }
        boolean privileged = container.path("Privileged").asBoolean(false);
        String seccomp = seccomp(container.path("Privileges").path("Seccomp"));
        return new ContainerSpec.ProcessOptions(container.path("Init").asBoolean(false),
                container.path("Privileges").path("NoNewPrivileges").asBoolean(false),
                (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, integer(container.path("OomScoreAdj"), 0))), List.copyOf(ulimits),
                new ContainerSpec.Confinement(privileged && seccomp.isEmpty() ? FilterSource.UNCONFINED : seccomp,
                        string(container.path("Privileges").path("AppArmor").path("Profile"), ""), privileged),
                devices(container));
    }

    private static List<ContainerSpec.Device> devices(JsonNode container) {
        List<ContainerSpec.Device> devices = new ArrayList<>();
        for (JsonNode device : container.path("Devices")) {
            devices.add(new ContainerSpec.Device(string(device.path("PathOnHost"), ""), string(device.path("PathInContainer"), ""),
                    string(device.path("CgroupPermissions"), "")));
        }
        return List.copyOf(devices);
    }

    /** Empty for the default, {@code unconfined}, or the profile. */
    private static String seccomp(JsonNode seccomp) {
        String profile = string(seccomp.path("Profile"), "");
        return switch (string(seccomp.path("Mode"), "")) {
            case "unconfined" -> FilterSource.UNCONFINED;
            case "custom" -> decoded(profile);
            default -> {
                if (!profile.isEmpty()) {
                    throw RuntimeShimException.invalid("Privileges.Seccomp: a profile needs the mode \"custom\"");
                }
                yield "";
            }
        };
    }

    private static String decoded(String profile) {
        try {
            String text = new String(Base64.getDecoder().decode(profile), StandardCharsets.UTF_8);
            if (text.isBlank()) {
                throw RuntimeShimException.invalid("Privileges.Seccomp: the mode \"custom\" needs a profile");
            }
            return text;
        } catch (IllegalArgumentException e) {
            throw RuntimeShimException.invalid("Privileges.Seccomp.Profile is not base64: " + e.getMessage());
        }
    }

    /** What is left out (or -1, of swappiness) is the default. */
    static ContainerSpec.Limits limits(JsonNode resources) {
        JsonNode limits = resources.path("Limits");
        JsonNode swappiness = resources.path("MemorySwappiness");
        return new ContainerSpec.Limits(integer(limits.path("NanoCPUs"), 0), integer(limits.path("MemoryBytes"), 0), integer(limits.path("Pids"), 0),
                resources.path("SwapBytes").isNumber() ? Long.valueOf(resources.path("SwapBytes").longValue()) : null,
                swappiness.isNumber() && swappiness.intValue() >= 0 ? Integer.valueOf(swappiness.intValue()) : null);
    }

    static String logDriver(JsonNode template) {
        return string(template.path("LogDriver").path("Name"), "");
    }

    private ContainerOptions() {}
}
