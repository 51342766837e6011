package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Health;
import dev.starling.runtime.image.Image;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Containers of this node as {@code docker ps} and {@code inspect} read them. */
final class ContainerJson {
    private static final String NO_TIME = "0001-01-01T00:00:00Z";

    /** @param image null where it is gone from the store */
    static ObjectNode summary(Container container, Image image, Instant now) {
        ContainerSpec spec = container.spec();
        ObjectNode json = Json.object().put("Id", container.id());
        json.putArray("Names").add("/" + spec.name());
        json.put("Image", spec.image()).put("ImageID", image == null ? "" : image.id());
        json.put("Command", commandLine(command(spec, image)));
        json.put("Created", container.startedAt() == null ? 0 : container.startedAt().getEpochSecond());
        json.putArray("Ports");
        json.set("Labels", Json.map(spec.labels()));
        json.put("State", stateName(container)).put("Status", status(container, now));
        json.putObject("Health").put("Status", container.health().status().name().toLowerCase(Locale.ROOT))
                .put("FailingStreak", container.health().failingStreak());
        json.putObject("HostConfig").put("NetworkMode", "default");
        json.putObject("NetworkSettings").putObject("Networks");
        json.set("Mounts", mounts(spec));
        return json;
    }

    static ObjectNode detail(Container container, Image image) {
        ContainerSpec spec = container.spec();
        List<String> command = command(spec, image);
        ObjectNode json = Json.object().put("Id", container.id()).put("Created", time(container.startedAt()))
                .put("Path", command.isEmpty() ? "" : command.get(0));
        json.set("Args", Json.strings(command.isEmpty() ? List.of() : command.subList(1, command.size())));
        boolean running = container.state() == Container.State.RUNNING;
        ObjectNode state = json.putObject("State");
        state.put("Status", stateName(container)).put("Running", running).put("Paused", container.paused()).put("Restarting", false)
                .put("OOMKilled", container.oomKilled()).put("Dead", false).put("Pid", container.pid())
                .put("ExitCode", container.exitCode().orElse(running ? 0 : -1))
                .put("Error", running || container.exitCode().isPresent() ? "" : "the end of this container was not seen")
                .put("StartedAt", time(container.startedAt())).put("FinishedAt", time(container.finishedAt()));
        if (container.health().status() != Health.Status.NONE) {
            state.set("Health", health(container.health()));
        }
        json.put("Image", image == null ? "" : image.id()).put("Name", "/" + spec.name()).put("RestartCount", 0)
                .put("Driver", "overlay2").put("Platform", "linux").putNull("ExecIDs");
        json.set("HostConfig", hostConfig(spec));
        json.set("Mounts", mounts(spec));
        json.set("Config", config(spec, command));
        json.putObject("NetworkSettings").putObject("Networks");
        return json;
    }

    static String stateName(Container container) {
        return container.state() != Container.State.RUNNING ? "exited" : container.paused() ? "paused" : "running";
    }

    private static ObjectNode hostConfig(ContainerSpec spec) {
        ObjectNode json = Json.object();
        json.putObject("LogConfig").put("Type", spec.logDriver().isEmpty() ? "json-file" : spec.logDriver()).set("Config", Json.map(spec.logOptions()));
        json.put("NetworkMode", "default").putObject("RestartPolicy").put("Name", "no").put("MaximumRetryCount", 0);
        json.set("CapAdd", Json.strings(spec.capabilityAdd()));
        json.set("CapDrop", Json.strings(spec.capabilityDrop()));
        json.set("Dns", Json.strings(spec.dns().servers()));
        json.set("DnsSearch", Json.strings(spec.dns().search()));
        json.set("DnsOptions", Json.strings(spec.dns().options()));
        json.set("ExtraHosts", Json.strings(spec.hosts()));
        json.set("Sysctls", Json.map(spec.sysctls()));
        json.put("OomScoreAdj", spec.options().oomScoreAdjustment()).put("Init", spec.options().init());
        json.set("GroupAdd", Json.strings(spec.groups()));
        json.set("SecurityOpt", Json.strings(securityOptions(spec.options())));
        ContainerSpec.Limits limits = spec.limits();
        if (limits.memoryBytes() > 0) {
            json.put("MemorySwap", limits.swapBytes() == null ? 2 * limits.memoryBytes() : limits.swapBytes() < 0 ? -1 : limits.memoryBytes() + limits.swapBytes());
        }
        json.put("MemorySwappiness", limits.swappiness());
        ArrayNode ulimits = json.putArray("Ulimits");
        spec.options().ulimits().forEach(limit -> ulimits.addObject().put("Name", limit.name()).put("Soft", limit.soft()).put("Hard", limit.hard()));
        return json.put("Privileged", false).put("ReadonlyRootfs", spec.readOnlyRoot()).put("Memory", spec.limits().memoryBytes())
                .put("NanoCpus", spec.limits().nanoCpus()).put("PidsLimit", spec.limits().pids());
    }

    private static List<String> securityOptions(ContainerSpec.ProcessOptions options) {
        List<String> result = new ArrayList<>();
        if (options.noNewPrivileges()) {
            result.add("no-new-privileges");
        }
        if (!options.confinement().seccomp().isEmpty()) {
            result.add("seccomp=" + options.confinement().seccomp());
        }
        if (!options.confinement().appArmor().isEmpty()) {
            result.add("apparmor=" + options.confinement().appArmor());
        }
        return result;
    }

    private static ObjectNode config(ContainerSpec spec, List<String> command) {
        ObjectNode json = Json.object().put("Hostname", spec.hostname()).put("User", spec.user()).put("Tty", spec.tty())
                .put("OpenStdin", spec.openStdin()).put("Image", spec.image()).put("WorkingDir", spec.workingDirectory())
                .put("StopSignal", spec.stopSignal());
        json.set("Env", Json.strings(spec.env()));
        json.set("Cmd", Json.strings(command));
        json.set("Labels", Json.map(spec.labels()));
        return json;
    }

    private static ObjectNode health(Health health) {
        ObjectNode json = Json.object().put("Status", health.status().name().toLowerCase(Locale.ROOT)).put("FailingStreak", health.failingStreak());
        ArrayNode log = json.putArray("Log");
        for (Health.Result result : health.log()) {
            log.addObject().put("Start", Json.time(result.start())).put("End", Json.time(result.end())).put("ExitCode", result.exitCode())
                    .put("Output", result.output());
        }
        return json;
    }

    private static ArrayNode mounts(ContainerSpec spec) {
        ArrayNode mounts = Json.array();
        for (ContainerSpec.Mount mount : spec.mounts()) {
            mounts.addObject().put("Type", mount.type().name().toLowerCase(Locale.ROOT)).put("Source", mount.source())
                    .put("Destination", mount.target()).put("Mode", "").put("RW", !mount.readOnly());
        }
        return mounts;
    }

    /** As the runtime puts it together: an entrypoint of the spec drops the image's CMD. */
    private static List<String> command(ContainerSpec spec, Image image) {
        List<String> command = new ArrayList<>();
        boolean own = !spec.entrypoint().isEmpty();
        command.addAll(own || image == null ? spec.entrypoint() : image.config().entrypoint());
        command.addAll(!spec.args().isEmpty() || own || image == null ? spec.args() : image.config().cmd());
        return command;
    }

    private static String commandLine(List<String> command) {
        return String.join(" ", command.stream()
                .map(word -> word.matches("[A-Za-z0-9_@%+=:,./-]+") ? word : "'" + word.replace("'", "'\"'\"'") + "'").toList());
    }

    private static String status(Container container, Instant now) {
        if (container.state() == Container.State.RUNNING) {
            String suffix = container.paused() ? " (Paused)" : switch (container.health().status()) {
                case NONE -> "";
                case STARTING -> " (health: starting)";
                case HEALTHY -> " (healthy)";
                case UNHEALTHY -> " (unhealthy)";
            };
            return "Up " + ago(container.startedAt(), now) + suffix;
        }
        String code = container.exitCode().isPresent() ? Integer.toString(container.exitCode().getAsInt()) : "unknown";
        return "Exited (" + code + ") " + ago(container.finishedAt(), now) + " ago";
    }

    private static String ago(Instant since, Instant now) {
        Duration age = since == null ? Duration.ZERO : Duration.between(since, now);
        long seconds = Math.max(0, age.toSeconds());
        return seconds < 1 ? "Less than a second" : seconds == 1 ? "1 second" : seconds < 60 ? seconds + " seconds"
                : seconds < 120 ? "About a minute" : seconds < 3600 ? seconds / 60 + " minutes"
                : seconds < 7200 ? "About an hour" : seconds < 172_800 ? seconds / 3600 + " hours" : seconds / 86_400 + " days";
    }

    private static String time(Instant time) {
        return time == null ? NO_TIME : Json.time(time);
    }

    private ContainerJson() {}
}
