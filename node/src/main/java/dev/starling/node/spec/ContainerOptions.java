package dev.starling.node.spec;

import static dev.starling.node.spec.JsonValues.count;
import static dev.starling.node.spec.JsonValues.integer;
import static dev.starling.node.spec.JsonValues.map;
import static dev.starling.node.spec.JsonValues.millisOfNanos;
import static dev.starling.node.spec.JsonValues.string;
import static dev.starling.node.spec.JsonValues.strings;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.runtime.ContainerSpec.Logging;
import dev.starling.runtime.HealthCheck;
import dev.starling.runtime.ProcessLimits;
import dev.starling.runtime.ProcessLimits.Ulimit;
import dev.starling.runtime.ResourceLimits;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.Security;
import dev.starling.runtime.Security.Device;
import dev.starling.runtime.launch.AppArmor;
import dev.starling.runtime.launch.Devices;
import dev.starling.runtime.logs.LogOptions;
import dev.starling.runtime.seccomp.FilterSource;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** What a container spec says of health checks, security, limits and logs: read for the runtime, and checked by the runtime's own rules. */
final class ContainerOptions {
    /** @throws SpecException that begins with the path of the field */
    static void check(JsonNode template) {
        JsonNode container = template.path("ContainerSpec");
        checked("TaskTemplate.ContainerSpec.Healthcheck", () -> health(container).check());
        checked("TaskTemplate.ContainerSpec", () -> processLimits(container).check());
        checked("TaskTemplate.ContainerSpec", () -> check(security(container)));
        checked("TaskTemplate.ContainerSpec.Devices", () -> Devices.check(devices(container)));
        checked("TaskTemplate.LogDriver", () -> LogOptions.parse(logging(template)));
    }

    private static void check(Security security) {
        FilterSource.check(security.seccomp());
        AppArmor.checkName(security.appArmor());
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
    static Security security(JsonNode container, List<String> given) {
        Security security = security(container);
        List<Device> devices = new ArrayList<>(security.devices());
        for (String device : given) {
            if (devices.stream().noneMatch(said -> said.source().equals(device))) {
                devices.add(new Device(device, "", ""));
            }
        }
        return security.withDevices(List.copyOf(devices));
    }

    static Security security(JsonNode container) {
        boolean privileged = container.path("Privileged").asBoolean(false);
        JsonNode privileges = container.path("Privileges");
        String seccomp = seccomp(privileges.path("Seccomp"));
        return Security.DEFAULT
                .withCapabilities(privileged ? List.of("ALL") : strings(container.path("CapabilityAdd")), strings(container.path("CapabilityDrop")))
                .withNoNewPrivileges(privileges.path("NoNewPrivileges").asBoolean(false))
                .withSeccomp(privileged && seccomp.isEmpty() ? FilterSource.UNCONFINED : seccomp)
                .withAppArmor(string(privileges.path("AppArmor").path("Profile"), ""))
                .withPrivileged(privileged)
                .withDevices(devices(container));
    }

    static ProcessLimits processLimits(JsonNode container) {
        List<Ulimit> ulimits = new ArrayList<>();
        for (JsonNode limit : container.path("Ulimits")) {
            ulimits.add(new Ulimit(string(limit.path("Name"), ""), integer(limit.path("Soft"), 0), integer(limit.path("Hard"), 0)));
        }
        long oomScoreAdjustment = integer(container.path("OomScoreAdj"), 0);
        return new ProcessLimits(List.copyOf(ulimits), (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, oomScoreAdjustment)));
    }

    private static List<Device> devices(JsonNode container) {
        List<Device> devices = new ArrayList<>();
        for (JsonNode device : container.path("Devices")) {
            devices.add(new Device(string(device.path("PathOnHost"), ""), string(device.path("PathInContainer"), ""),
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
    static ResourceLimits limits(JsonNode resources) {
        JsonNode limits = resources.path("Limits");
        JsonNode swappiness = resources.path("MemorySwappiness");
        return new ResourceLimits(integer(limits.path("NanoCPUs"), 0), integer(limits.path("MemoryBytes"), 0), integer(limits.path("Pids"), 0),
                resources.path("SwapBytes").isNumber() ? Long.valueOf(resources.path("SwapBytes").longValue()) : null,
                swappiness.isNumber() && swappiness.intValue() >= 0 ? Integer.valueOf(swappiness.intValue()) : null);
    }

    static Logging logging(JsonNode template) {
        JsonNode driver = template.path("LogDriver");
        return new Logging(string(driver.path("Name"), ""), map(driver.path("Options")));
    }

    private ContainerOptions() {}
}
