package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Health;
import dev.starling.runtime.Mount;
import dev.starling.runtime.ProcessSpec;
import dev.starling.runtime.ResourceLimits;
import dev.starling.runtime.Security;
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
        json.put("Command", commandLine(command(spec.process(), image)));
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
        List<String> command = command(spec.process(), image);
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
        json.putObject("LogConfig").put("Type", spec.logging().driver().isEmpty() ? "json-file" : spec.logging().driver())
                .set("Config", Json.map(spec.logging().options()));
        json.put("NetworkMode", "default").putObject("RestartPolicy").put("Name", "no").put("MaximumRetryCount", 0);
        json.set("CapAdd", Json.strings(spec.security().capabilityAdd()));
        json.set("CapDrop", Json.strings(spec.security().capabilityDrop()));
        ContainerSpec.Dns dns = spec.names().dns();
        json.set("Dns", Json.strings(dns.servers()));
        json.set("DnsSearch", Json.strings(dns.search()));
        json.set("DnsOptions", Json.strings(dns.options()));
        json.set("ExtraHosts", Json.strings(spec.names().hosts()));
        json.set("Sysctls", Json.map(spec.sysctls()));
        ProcessSpec process = spec.process();
        json.put("OomScoreAdj", process.limits().oomScoreAdjustment()).put("Init", process.init());
        json.set("GroupAdd", Json.strings(process.groups()));
        json.set("SecurityOpt", Json.strings(securityOptions(spec.security())));
        ResourceLimits limits = spec.limits();
        if (limits.memoryBytes() > 0) {
            json.put("MemorySwap", limits.swapBytes() == null ? 2 * limits.memoryBytes() : limits.swapBytes() < 0 ? -1 : limits.memoryBytes() + limits.swapBytes());
        }
        json.put("MemorySwappiness", limits.swappiness());
        ArrayNode ulimits = json.putArray("Ulimits");
        process.limits().ulimits().forEach(limit -> ulimits.addObject().put("Name", limit.name()).put("Soft", limit.soft()).put("Hard", limit.hard()));
        return json.put("Privileged", spec.security().privileged()).put("ReadonlyRootfs", spec.filesystem().readOnlyRoot()).put("Memory", limits.memoryBytes())
                .put("NanoCpus", limits.nanoCpus()).put("PidsLimit", limits.pids());
    }

    private static List<String> securityOptions(Security security) {
        List<String> result = new ArrayList<>();
        if (security.noNewPrivileges()) {
            result.add("no-new-privileges");
        }
        if (!security.seccomp().isEmpty()) {
            result.add("seccomp=" + security.seccomp());
        }
        if (!security.appArmor().isEmpty()) {
            result.add("apparmor=" + security.appArmor());
        }
        return result;
    }

    private static ObjectNode config(ContainerSpec spec, List<String> command) {
        ProcessSpec process = spec.process();
        ObjectNode json = Json.object().put("Hostname", spec.names().hostname()).put("User", process.user()).put("Tty", spec.streams().tty())
                .put("OpenStdin", spec.streams().openStdin()).put("Image", spec.image()).put("WorkingDir", process.workingDirectory())
                .put("StopSignal", process.stopSignal());
        json.set("Env", Json.strings(process.env()));
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
        for (Mount mount : spec.filesystem().mounts()) {
            mounts.addObject().put("Type", mount.type().name().toLowerCase(Locale.ROOT)).put("Source", mount.source())
                    .put("Destination", mount.target()).put("Mode", "").put("RW", !mount.readOnly());
        }
        return mounts;
    }

    /** As the runtime puts it together: an entrypoint of the spec drops the image's CMD. */
    private static List<String> command(ProcessSpec process, Image image) {
        List<String> command = new ArrayList<>();
        boolean own = !process.entrypoint().isEmpty();
        command.addAll(own || image == null ? process.entrypoint() : image.config().entrypoint());
        command.addAll(!process.args().isEmpty() || own || image == null ? process.args() : image.config().cmd());
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
