package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.volume.VolumeOptions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The gate through which a client's service spec enters the desired state: what Docker refuses is refused in Docker's words, what this
 * release cannot do yet is refused by name. What passes is the client's JSON with Docker's defaults filled in where the CLI counts on them.
 */
public final class ServiceSpecCheck {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9](?:[-_a-zA-Z0-9]*[a-zA-Z0-9])?");
    private static final Pattern HOST_NAME_CHARACTERS = Pattern.compile("[^\\s/]{1,253}");

    private static final SupportedFields FIELDS = new SupportedFields("""
            Name string
            Labels map
            Mode.Replicated.Replicas integer
            Mode.Global any
            Mode.ReplicatedJob.TotalCompletions integer
            Mode.ReplicatedJob.MaxConcurrent integer
            Mode.GlobalJob any
            TaskTemplate.ContainerSpec.Image string
            TaskTemplate.ContainerSpec.Labels map
            TaskTemplate.ContainerSpec.Command strings
            TaskTemplate.ContainerSpec.Args strings
            TaskTemplate.ContainerSpec.Env strings
            TaskTemplate.ContainerSpec.Dir string
            TaskTemplate.ContainerSpec.User string
            TaskTemplate.ContainerSpec.Groups strings
            TaskTemplate.ContainerSpec.Hostname string
            TaskTemplate.ContainerSpec.StopSignal string
            TaskTemplate.ContainerSpec.StopGracePeriod integer
            TaskTemplate.ContainerSpec.Hosts strings
            TaskTemplate.ContainerSpec.DNSConfig.Nameservers strings
            TaskTemplate.ContainerSpec.DNSConfig.Search strings
            TaskTemplate.ContainerSpec.DNSConfig.Options strings
            TaskTemplate.ContainerSpec.CapabilityAdd strings
            TaskTemplate.ContainerSpec.CapabilityDrop strings
            TaskTemplate.ContainerSpec.Sysctls map
            TaskTemplate.ContainerSpec.ReadOnly boolean
            TaskTemplate.ContainerSpec.TTY boolean
            TaskTemplate.ContainerSpec.OpenStdin boolean
            TaskTemplate.ContainerSpec.Isolation = default
            TaskTemplate.ContainerSpec.Init boolean
            TaskTemplate.ContainerSpec.OomScoreAdj integer
            TaskTemplate.ContainerSpec.Ulimits[].Name string
            TaskTemplate.ContainerSpec.Ulimits[].Soft integer
            TaskTemplate.ContainerSpec.Ulimits[].Hard integer
            TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges boolean
            TaskTemplate.ContainerSpec.Privileges.Seccomp.Mode = default unconfined custom
            TaskTemplate.ContainerSpec.Privileges.Seccomp.Profile string
            TaskTemplate.ContainerSpec.Privileges.AppArmor.Mode = default disabled
            TaskTemplate.ContainerSpec.Privileges.AppArmor.Profile string
            TaskTemplate.ContainerSpec.Privileged boolean
            TaskTemplate.ContainerSpec.Devices[].PathOnHost string
            TaskTemplate.ContainerSpec.Devices[].PathInContainer string
            TaskTemplate.ContainerSpec.Devices[].CgroupPermissions string
            TaskTemplate.ContainerSpec.Healthcheck.Test strings
            TaskTemplate.ContainerSpec.Healthcheck.Interval integer
            TaskTemplate.ContainerSpec.Healthcheck.Timeout integer
            TaskTemplate.ContainerSpec.Healthcheck.StartPeriod integer
            TaskTemplate.ContainerSpec.Healthcheck.StartInterval integer
            TaskTemplate.ContainerSpec.Healthcheck.Retries integer
            TaskTemplate.ContainerSpec.Mounts[].Type = bind volume tmpfs
            TaskTemplate.ContainerSpec.Mounts[].Source string
            TaskTemplate.ContainerSpec.Mounts[].Target string
            TaskTemplate.ContainerSpec.Mounts[].ReadOnly boolean
            TaskTemplate.ContainerSpec.Mounts[].Consistency = default consistent cached delegated
            TaskTemplate.ContainerSpec.Mounts[].VolumeOptions.Labels map
            TaskTemplate.ContainerSpec.Mounts[].VolumeOptions.NoCopy boolean
            TaskTemplate.ContainerSpec.Mounts[].VolumeOptions.DriverConfig.Name = local
            TaskTemplate.ContainerSpec.Mounts[].VolumeOptions.DriverConfig.Options map
            TaskTemplate.ContainerSpec.Mounts[].BindOptions.Propagation = rprivate private rshared shared rslave slave
            TaskTemplate.ContainerSpec.Mounts[].TmpfsOptions.SizeBytes integer
            TaskTemplate.ContainerSpec.Mounts[].TmpfsOptions.Mode integer
            TaskTemplate.ContainerSpec.Secrets[].File.Name string
            TaskTemplate.ContainerSpec.Secrets[].File.UID string
            TaskTemplate.ContainerSpec.Secrets[].File.GID string
            TaskTemplate.ContainerSpec.Secrets[].File.Mode integer
            TaskTemplate.ContainerSpec.Secrets[].SecretID string
            TaskTemplate.ContainerSpec.Secrets[].SecretName string
            TaskTemplate.ContainerSpec.Configs[].File.Name string
            TaskTemplate.ContainerSpec.Configs[].File.UID string
            TaskTemplate.ContainerSpec.Configs[].File.GID string
            TaskTemplate.ContainerSpec.Configs[].File.Mode integer
            TaskTemplate.ContainerSpec.Configs[].ConfigID string
            TaskTemplate.ContainerSpec.Configs[].ConfigName string
            TaskTemplate.Resources.SwapBytes integer
            TaskTemplate.Resources.MemorySwappiness integer
            TaskTemplate.Resources.Limits.NanoCPUs integer
            TaskTemplate.Resources.Limits.MemoryBytes integer
            TaskTemplate.Resources.Limits.Pids integer
            TaskTemplate.Resources.Reservations.NanoCPUs integer
            TaskTemplate.Resources.Reservations.MemoryBytes integer
            TaskTemplate.Resources.Reservations.GenericResources[].DiscreteResourceSpec.Kind string
            TaskTemplate.Resources.Reservations.GenericResources[].DiscreteResourceSpec.Value integer
            TaskTemplate.RestartPolicy.Condition string
            TaskTemplate.RestartPolicy.Delay integer
            TaskTemplate.RestartPolicy.MaxAttempts integer
            TaskTemplate.RestartPolicy.Window integer
            TaskTemplate.Placement.Constraints strings
            TaskTemplate.Placement.Preferences[].Spread.SpreadDescriptor string
            TaskTemplate.Placement.MaxReplicas integer
            TaskTemplate.Placement.Platforms[].OS string
            TaskTemplate.Placement.Platforms[].Architecture string
            TaskTemplate.Networks[].Target string
            TaskTemplate.Networks[].Aliases strings
            TaskTemplate.LogDriver.Name = json-file local none
            TaskTemplate.LogDriver.Options.max-size string
            TaskTemplate.LogDriver.Options.max-file string
            TaskTemplate.LogDriver.Options.mode = blocking non-blocking
            TaskTemplate.LogDriver.Options.max-buffer-size string
            TaskTemplate.ForceUpdate integer
            TaskTemplate.Runtime = container
            UpdateConfig.Parallelism integer
            UpdateConfig.Delay integer
            UpdateConfig.FailureAction string
            UpdateConfig.Monitor integer
            UpdateConfig.MaxFailureRatio number
            UpdateConfig.Order string
            RollbackConfig.Parallelism integer
            RollbackConfig.Delay integer
            RollbackConfig.FailureAction string
            RollbackConfig.Monitor integer
            RollbackConfig.MaxFailureRatio number
            RollbackConfig.Order string
            EndpointSpec.Mode = vip dnsrr
            EndpointSpec.Ports any
            """);

    /** @param missingForPorts what this node's kernel lacks for published ports, in a line each */
    public record Features(List<String> missingForPorts) {
        public static final Features ALL = new Features(List.of());
    }

    private final ConstraintSyntax constraints;
    private final Features features;

    public ServiceSpecCheck(ConstraintSyntax constraints, Features features) {
        this.constraints = constraints;
        this.features = features;
    }

    /**
     * @param uid of the service that is updated; empty for a new one
     * @return the spec to store: a copy, with names of networks turned into their ids and with Docker's defaults
     * @throws SpecException INVALID (also for a secret or config that is not there), NOT_FOUND (a network) or NOT_SUPPORTED
     */
    public ObjectNode accept(JsonNode spec, ClusterSnapshot snapshot, String uid) {
        if (!spec.isObject()) {
            throw SpecException.invalid("the request body: expected a service spec (an object)");
        }
        FIELDS.check(spec);
        ObjectNode result = spec.deepCopy();
        checkName(result.path("Name").asText(""));
        SiteLabels.check(result);
        ServiceMode.check(result);
        if (!(result.path("TaskTemplate") instanceof ObjectNode template) || !template.path("ContainerSpec").isObject()) {
            throw invalid("TaskTemplate: missing container spec");
        }
        PolicyLabels.apply(result, snapshot, uid);
        checkContainer(template.path("ContainerSpec"));
        ContainerOptions.check(template);
        checkResources(template.path("Resources"));
        checkRestart(template.path("RestartPolicy"));
        checkPlacement(template.path("Placement"));
        checkRollout(result.path("UpdateConfig"), "UpdateConfig", Set.of("", "pause", "continue", "rollback"));
        checkRollout(result.path("RollbackConfig"), "RollbackConfig", Set.of("", "pause", "continue"));
        FileReferenceCheck.check(TaskTemplate.of(result), snapshot);
        resolveNetworks(template.path("Networks"), snapshot);
        new PublishedPorts(features.missingForPorts()).check(result.path("EndpointSpec"), snapshot, uid);
        return result;
    }

    private static void checkName(String name) {
        if (name.length() > 63) {
            throw invalid("Name: name must be 63 characters or fewer");
        }
        if (!NAME.matcher(name).matches()) {
            throw invalid("Name: name must be valid as a DNS name component, got \"" + name + "\"");
        }
    }

    private static void checkContainer(JsonNode container) {
        String path = "TaskTemplate.ContainerSpec.";
        String image = container.path("Image").asText("");
        if (image.isEmpty()) {
            throw invalid(path + "Image: image reference must be provided");
        }
        if (!ImageName.isValid(image)) {
            throw invalid(path + "Image: \"" + image + "\" is not a valid repository/tag");
        }
        String hostname = container.path("Hostname").asText("");
        if (!hostname.isEmpty() && !HOST_NAME_CHARACTERS.matcher(hostname.replaceAll("\\{\\{.*?}}", "x")).matches()) {
            throw invalid(path + "Hostname: invalid hostname \"" + hostname + "\"");
        }
        Placeholders.check(hostname, path + "Hostname");
        int index = 0;
        for (String variable : JsonValues.strings(container.path("Env"))) {
            Placeholders.check(variable, path + "Env[" + index++ + "]");
        }
        range(container.path("StopGracePeriod"), path + "StopGracePeriod", 0, Long.MAX_VALUE);
        for (int i = 0; i < container.path("Mounts").size(); i++) {
            checkMount(container.path("Mounts").get(i), path + "Mounts[" + i + "]");
        }
    }

    private static void checkMount(JsonNode mount, String path) {
        String type = mount.path("Type").asText("");
        String source = mount.path("Source").asText("");
        String target = mount.path("Target").asText("");
        Placeholders.check(source, path + ".Source");
        Placeholders.check(target, path + ".Target");
        if (!target.startsWith("/")) {
            throw invalid(path + ".Target: invalid mount target, must be an absolute path: \"" + target + "\"");
        }
        switch (type) {
            case "bind" -> {
                if (!source.startsWith("/")) {
                    throw invalid(path + ".Source: invalid bind mount source, must be an absolute path: \"" + source + "\"");
                }
            }
            case "volume" -> checkVolume(mount, path);
            case "tmpfs" -> {
                if (!source.isEmpty()) {
                    throw invalid(path + ".Source: invalid tmpfs source, source must be empty");
                }
                range(mount.path("TmpfsOptions").path("SizeBytes"), path + ".TmpfsOptions.SizeBytes", 0, Long.MAX_VALUE);
                range(mount.path("TmpfsOptions").path("Mode"), path + ".TmpfsOptions.Mode", 0, 07777);
            }
            default -> throw invalid(path + ".Type: invalid mount type: \"" + type + "\"");
        }
    }

    private static void checkVolume(JsonNode mount, String path) {
        JsonNode volume = mount.path("VolumeOptions");
        volume.path("Labels").forEach(label -> Placeholders.check(label.asText(), path + ".VolumeOptions.Labels"));
        Map<String, String> options = JsonValues.map(volume.path("DriverConfig").path("Options"));
        options.values().forEach(value -> Placeholders.check(value, path + ".VolumeOptions.DriverConfig.Options"));
        if (!options.isEmpty() && mount.path("Source").asText("").isEmpty()) {
            throw SpecException.notSupported(path + ".VolumeOptions.DriverConfig.Options of a volume without a name (source=NAME)");
        }
        try {
            VolumeOptions.of(options);
        } catch (RuntimeShimException e) {
            throw invalid(path + ".VolumeOptions.DriverConfig.Options: " + e.getMessage());
        }
    }

    private static void checkResources(JsonNode resources) {
        for (String part : List.of("Limits", "Reservations")) {
            String path = "TaskTemplate.Resources." + part;
            long cpus = resources.path(part).path("NanoCPUs").asLong(0);
            long memory = resources.path(part).path("MemoryBytes").asLong(0);
            if (cpus != 0 && cpus < 1_000_000) {
                throw invalid(path + ".NanoCPUs: invalid cpu value " + cpus / 1e9 + ": Must be at least 0.001");
            }
            if (memory != 0 && memory < 4 << 20) {
                throw invalid(path + ".MemoryBytes: invalid memory value " + memory + ": Must be at least 4MiB");
            }
            range(resources.path(part).path("Pids"), path + ".Pids", 0, Integer.MAX_VALUE);
        }
        range(resources.path("SwapBytes"), "TaskTemplate.Resources.SwapBytes", -1, Long.MAX_VALUE);
        range(resources.path("MemorySwappiness"), "TaskTemplate.Resources.MemorySwappiness", -1, 100);
        if (resources.path("SwapBytes").isNumber() && resources.path("Limits").path("MemoryBytes").asLong(0) == 0) {
            throw invalid("TaskTemplate.Resources.SwapBytes: swap can only be limited together with memory (--limit-memory)");
        }
        for (JsonNode generic : resources.path("Reservations").path("GenericResources")) {
            JsonNode discrete = generic.path("DiscreteResourceSpec");
            if (discrete.path("Kind").asText("").isEmpty()) {
                throw invalid("TaskTemplate.Resources.Reservations.GenericResources: a resource without a kind");
            }
            range(discrete.path("Value"), "TaskTemplate.Resources.Reservations.GenericResources " + discrete.path("Kind").asText(), 1, 1_000_000);
        }
    }

    private static void checkRestart(JsonNode policy) {
        String path = "TaskTemplate.RestartPolicy.";
        oneOf(policy.path("Condition"), path + "Condition", Set.of("", "none", "on-failure", "any"));
        range(policy.path("Delay"), path + "Delay", 0, Long.MAX_VALUE);
        range(policy.path("MaxAttempts"), path + "MaxAttempts", 0, Integer.MAX_VALUE);
        range(policy.path("Window"), path + "Window", 0, Long.MAX_VALUE);
    }

    private void checkPlacement(JsonNode placement) {
        List<String> written = JsonValues.strings(placement.path("Constraints"));
        for (int i = 0; i < written.size(); i++) {
            try {
                constraints.check(written.get(i));
            } catch (IllegalArgumentException e) {
                throw invalid("TaskTemplate.Placement.Constraints[" + i + "]: " + e.getMessage());
            }
        }
        range(placement.path("MaxReplicas"), "TaskTemplate.Placement.MaxReplicas", 0, Integer.MAX_VALUE);
    }

    private static void checkRollout(JsonNode config, String path, Set<String> actions) {
        range(config.path("Parallelism"), path + ".Parallelism", 0, Integer.MAX_VALUE);
        range(config.path("Delay"), path + ".Delay", 0, Long.MAX_VALUE);
        range(config.path("Monitor"), path + ".Monitor", 0, Long.MAX_VALUE);
        oneOf(config.path("FailureAction"), path + ".FailureAction", actions);
        oneOf(config.path("Order"), path + ".Order", Set.of("", "stop-first", "start-first"));
        double ratio = config.path("MaxFailureRatio").asDouble(0);
        if (!(ratio >= 0 && ratio <= 1)) {
            throw invalid(path + ".MaxFailureRatio: must be between 0 and 1, got " + ratio);
        }
    }

    private static void resolveNetworks(JsonNode networks, ClusterSnapshot snapshot) {
        for (JsonNode network : networks) {
            String target = network.path("Target").asText("");
            if (Set.of("host", "bridge", "none").contains(target)) {
                throw SpecException.notSupported("attaching a service to the predefined network \"" + target + "\"");
            }
            List<Document> live = snapshot.documents().getOrDefault(Kind.NETWORK, List.of());
            Document found = live.stream().filter(candidate -> candidate.uid().equals(target)).findFirst()
                    .or(() -> live.stream().filter(candidate -> candidate.name().equals(target)).findFirst())
                    .orElseThrow(() -> SpecException.notFound("network " + target + " not found"));
            if (found.uid().equals(IngressNetwork.UID)) {
                throw invalid("Service cannot be explicitly attached to the ingress network \"" + target + "\"");
            }
            ((ObjectNode) network).put("Target", found.uid());
        }
    }

    private static void range(JsonNode value, String path, long least, long greatest) {
        if (value.isNumber() && (value.longValue() < least || value.longValue() > greatest)) {
            throw invalid(path + ": must be " + (greatest == Long.MAX_VALUE ? least + " or more" : least + " to " + greatest)
                    + ", got " + value.asText());
        }
    }

    private static void oneOf(JsonNode value, String path, Set<String> allowed) {
        if (!allowed.contains(value.asText(""))) {
            throw invalid(path + ": unsupported value \"" + value.asText() + "\"");
        }
    }

    private static SpecException invalid(String message) {
        return SpecException.invalid("rpc error: code = InvalidArgument desc = " + message);
    }
}
