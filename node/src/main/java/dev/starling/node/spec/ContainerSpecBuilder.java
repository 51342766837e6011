package dev.starling.node.spec;

import static dev.starling.node.spec.JsonValues.integer;
import static dev.starling.node.spec.JsonValues.map;
import static dev.starling.node.spec.JsonValues.string;
import static dev.starling.node.spec.JsonValues.strings;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ContainerSpec.Dns;
import dev.starling.runtime.ContainerSpec.Filesystem;
import dev.starling.runtime.ContainerSpec.Names;
import dev.starling.runtime.ContainerSpec.Streams;
import dev.starling.runtime.Mount;
import dev.starling.runtime.ProcessSpec;
import dev.starling.scheduler.model.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Makes of a service and one of its tasks the container to run on this node. The same task gives the same container id, so that a start
 * that was interrupted and is tried again cannot leave two.
 */
public final class ContainerSpecBuilder {
    public static final String FENCING_TOKEN = "STARLING_FENCING_TOKEN";

    private final Document service;
    private final Task task;
    private final JsonNode template;
    private final JsonNode container;
    private final Placeholders placeholders;
    private final SortedMap<String, String> labels;

    private ContainerSpecBuilder(Document service, Task task, NodeReport node, SortedMap<String, String> nodeLabels) {
        this.service = service;
        this.task = task;
        this.template = TaskTemplate.of(service, task)
                .orElseThrow(() -> new IllegalArgumentException("service " + service.name() + " changed twice since task " + task.id()
                        + " was made: its template is gone")).json();
        this.container = template.path("ContainerSpec");
        this.placeholders = Placeholders.of(service, task, node, nodeLabels);
        this.labels = labels();
    }

    /**
     * @param nodeLabels labels of this node's spec
     * @param dnsServers addresses of this node's name server, for tasks on a network; empty where there is none
     * @throws IllegalArgumentException with a text for the task's error, where the template is gone or cannot be run
     */
    public static ContainerSpec build(
            Document service, Task task, NodeReport node, SortedMap<String, String> nodeLabels, List<String> dnsServers) {
        return new ContainerSpecBuilder(service, task, node, nodeLabels).build(dnsServers);
    }

    /** 64 hexadecimal characters, the same for the same task. */
    public static String containerId(String taskId) {
        return CanonicalJson.sha256("starling task " + taskId);
    }

    /** As Docker names the container of a task: {@code web.3.TASKID}; a global service's {@code web.NODEID.TASKID}. */
    public static String taskName(Document service, Task task) {
        return service.name() + "." + slotName(task) + "." + task.id();
    }

    static String slotName(Task task) {
        return task.slot().isGlobal() ? task.slot().node().value() : Integer.toString(task.shownSlot());
    }

    private ContainerSpec build(List<String> dnsServers) {
        String id = containerId(task.id());
        String hostname = placeholders.fill(string(container.path("Hostname"), id.substring(0, 12)));
        return ContainerSpec.of(id, taskName(service, task), string(container.path("Image"), task.image()))
                .withLabels(labels)
                .withProcess(process())
                .withStreams(new Streams(container.path("TTY").asBoolean(false), container.path("OpenStdin").asBoolean(false)))
                .withFilesystem(new Filesystem(container.path("ReadOnly").asBoolean(false), mounts()))
                .withSecurity(ContainerOptions.security(container, GenericResourceJson.devices(task.reserved().generic())))
                .withNames(new Names(hostname, hosts(hostname), dns(dnsServers)))
                .withSysctls(map(container.path("Sysctls")))
                .withLimits(ContainerOptions.limits(template.path("Resources")))
                .withLogging(ContainerOptions.logging(template))
                .withHealth(ContainerOptions.health(container));
    }

    private ProcessSpec process() {
        return ProcessSpec.INHERIT
                .withEntrypoint(strings(container.path("Command")))
                .withArgs(strings(container.path("Args")))
                .withEnv(environment())
                .withWorkingDirectory(string(container.path("Dir"), ""))
                .withUser(string(container.path("User"), ""), strings(container.path("Groups")))
                .withStopSignal(string(container.path("StopSignal"), ""))
                .withInit(container.path("Init").asBoolean(false))
                .withLimits(ContainerOptions.processLimits(container));
    }

    private SortedMap<String, String> labels() {
        SortedMap<String, String> result = new TreeMap<>(map(container.path("Labels")));
        result.put("com.docker.swarm.node.id", task.node().value());
        result.put("com.docker.swarm.service.id", service.uid());
        result.put("com.docker.swarm.service.name", service.name());
        result.put("com.docker.swarm.task", "");
        result.put("com.docker.swarm.task.id", task.id());
        result.put("com.docker.swarm.task.name", taskName(service, task));
        return result;
    }

    private List<Mount> mounts() {
        List<Mount> result = new ArrayList<>();
        for (JsonNode mount : container.path("Mounts")) {
            Mount.Type type = switch (mount.path("Type").asText("")) {
                case "bind" -> Mount.Type.BIND;
                case "volume" -> Mount.Type.VOLUME;
                case "tmpfs" -> Mount.Type.TMPFS;
                default -> throw new IllegalArgumentException("this release has no mounts of type \"" + mount.path("Type").asText() + "\"");
            };
            JsonNode tmpfs = mount.path("TmpfsOptions");
            JsonNode volume = mount.path("VolumeOptions");
            String source = placeholders.fill(string(mount.path("Source"), ""));
            String target = placeholders.fill(string(mount.path("Target"), ""));
            result.add(new Mount(type, source, target, mount.path("ReadOnly").asBoolean(false))
                    .withTmpfs(Math.max(0, integer(tmpfs.path("SizeBytes"), 0)), (int) integer(tmpfs.path("Mode"), 0) & 07777)
                    .withPropagation(string(mount.path("BindOptions").path("Propagation"), ""))
                    .withNoCopy(volume.path("NoCopy").asBoolean(false))
                    .withVolume(filled(volume.path("DriverConfig").path("Options")), filled(volume.path("Labels"))));
        }
        return List.copyOf(result);
    }

    private SortedMap<String, String> filled(JsonNode texts) {
        SortedMap<String, String> result = new TreeMap<>(map(texts));
        result.replaceAll((name, text) -> placeholders.fill(text));
        return result;
    }

    /** The task's own addresses under its host name, as Docker writes them, and what the operator added. */
    private List<String> hosts(String hostname) {
        List<String> result = new ArrayList<>();
        for (String address : task.addresses().values()) {
            int slash = address.indexOf('/');
            result.add((slash < 0 ? address : address.substring(0, slash)) + " " + hostname);
        }
        result.addAll(strings(container.path("Hosts")));
        return List.copyOf(result);
    }

    /** On a network our own name server comes first: it alone knows the services. The operator's servers follow. */
    private Dns dns(List<String> dnsServers) {
        JsonNode config = container.path("DNSConfig");
        List<String> servers = new ArrayList<>(task.addresses().isEmpty() ? List.of() : dnsServers);
        servers.addAll(strings(config.path("Nameservers")));
        return new Dns(List.copyOf(servers), strings(config.path("Search")), strings(config.path("Options")));
    }

    /**
     * What Docker adds for generic resources comes last, so that it cannot be pretended. So does the term in which this node holds an exclusive
     * slot: what the task writes to can check it, for a later holder's is higher.
     */
    private List<String> environment() {
        List<String> result = new ArrayList<>(filled(strings(container.path("Env"))));
        result.addAll(GenericResourceJson.environment(task.reserved().generic()));
        if (task.fencingToken() > 0) {
            result.add(FENCING_TOKEN + "=" + task.fencingToken());
        }
        return List.copyOf(result);
    }

    private List<String> filled(List<String> texts) {
        return texts.stream().map(placeholders::fill).toList();
    }
}
