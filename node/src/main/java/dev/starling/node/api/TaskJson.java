package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.GenericResourceJson;
import dev.starling.node.spec.NetworkSpecReader;
import dev.starling.node.spec.ServiceEndpoints;
import dev.starling.node.spec.TaskTemplate;
import dev.starling.scheduler.model.HostPort;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Tasks as {@code docker service ps} and the progress display read them. One is made for each answer. */
final class TaskJson {
    private final ClusterSnapshot snapshot;
    private final Map<String, Document> services = new HashMap<>();
    private final Map<String, Document> networks = new HashMap<>();
    private final Set<Slot> heldByLiveNodes = new HashSet<>();

    TaskJson(ClusterSnapshot snapshot) {
        this.snapshot = snapshot;
        snapshot.documents().getOrDefault(Kind.SERVICE, List.of()).forEach(service -> services.put(service.uid(), service));
        snapshot.documents().getOrDefault(Kind.NETWORK, List.of()).forEach(network -> networks.put(network.uid(), network));
        snapshot.view().tasks().values().forEach(tasks -> tasks.forEach(task -> {
            if (task.isActive() && isOnLiveNode(task)) {
                heldByLiveNodes.add(task.slot());
            }
        }));
    }

    boolean isUpToDate(Task task) {
        ServiceSpec service = snapshot.view().services().get(task.slot().serviceUid());
        return service != null && task.templateHash().equals(service.templateHash());
    }

    /** Empty where the service is gone. */
    String serviceName(Task task) {
        Document service = services.get(task.slot().serviceUid());
        return service == null ? "" : service.name();
    }

    JsonNode serviceLabels(Task task) {
        Document service = services.get(task.slot().serviceUid());
        return service == null ? Json.object() : service.spec().path("Labels");
    }

    /**
     * What is wanted of the task. A dead node cannot take back what it was told; where another node has the slot by now, its task is shown
     * as to be shut down, as Docker does. Of a job's task Docker wants that it completes.
     */
    TaskState desired(Task task) {
        boolean replaced = task.isActive() && !isOnLiveNode(task) && heldByLiveNodes.contains(task.slot());
        boolean ofJob = task.iteration() > 0 && (task.state() == TaskState.COMPLETE || task.desired() == TaskState.RUNNING);
        return replaced ? TaskState.SHUTDOWN : ofJob ? TaskState.COMPLETE : task.desired();
    }

    ObjectNode of(Task task) {
        ObjectNode json = Json.object();
        json.put("ID", task.id());
        json.putObject("Version").put("Index", task.serviceGeneration());
        json.put("CreatedAt", Json.time(task.createdMillis())).put("UpdatedAt", Json.time(task.changedMillis()));
        json.putObject("Labels");
        json.set("Spec", template(task));
        json.put("ServiceID", task.slot().serviceUid());
        if (task.iteration() > 0) {
            json.putObject("JobIteration").put("Index", task.iteration());
        }
        if (!task.reserved().generic().isNone()) {
            json.set("GenericResources", GenericResourceJson.of(task.reserved().generic()));
        }
        if (!task.slot().isGlobal()) {
            json.put("Slot", task.shownSlot());
        }
        if (task.node() != null) {
            json.put("NodeID", task.node().value());
        } else if (task.slot().isGlobal()) {
            json.put("NodeID", task.slot().node().value());
        }
        json.set("Status", status(task));
        json.put("DesiredState", desired(task).wireName());
        if (!task.addresses().isEmpty()) {
            ArrayNode attachments = json.putArray("NetworksAttachments");
            task.addresses().forEach((network, address) -> attachments.add(attachment(network, address)));
        }
        return json;
    }

    private ObjectNode status(Task task) {
        ObjectNode status = Json.object();
        status.put("Timestamp", Json.time(task.changedMillis())).put("State", task.state().wireName()).put("Message", task.message());
        if (!task.error().isEmpty()) {
            status.put("Err", task.error());
        }
        if (!task.containerId().isEmpty()) {
            // an exit code that nobody saw stays -1 once the task has ended: it must not look like success
            status.putObject("ContainerStatus").put("ContainerID", task.containerId()).put("PID", task.pid())
                    .put("ExitCode", task.state().isTerminal() ? task.exitCode() : Math.max(0, task.exitCode()));
        }
        putHostPorts(status.putObject("PortStatus"), task);
        return status;
    }

    private void putHostPorts(ObjectNode status, Task task) {
        Document service = services.get(task.slot().serviceUid());
        if (service == null || task.state() != TaskState.RUNNING) {
            return;
        }
        for (JsonNode port : service.spec().path("EndpointSpec").path("Ports")) {
            if (ServiceEndpoints.isFixed(port)) {
                putPort(status, port.path("Protocol").asText("tcp"), port.path("TargetPort").asInt(), port.path("PublishedPort").asInt());
            }
        }
        task.pickedPorts().forEach((hostPort, target) -> {
            HostPort picked = HostPort.of(hostPort);
            putPort(status, picked.protocol(), target, picked.number());
        });
    }

    private static void putPort(ObjectNode status, String protocol, int target, int published) {
        status.withArray("Ports").addObject().put("Protocol", protocol).put("TargetPort", target).put("PublishedPort", published)
                .put("PublishMode", "host");
    }

    private JsonNode template(Task task) {
        Document service = services.get(task.slot().serviceUid());
        if (service != null) {
            if (isUpToDate(task)) {
                return service.spec().path("TaskTemplate");
            }
            TaskTemplate previous = TaskTemplate.of(service, task).orElse(null);
            if (previous != null) {
                return previous.json();
            }
        }
        ObjectNode known = Json.object(); // the template is gone; the image is what people look for
        known.putObject("ContainerSpec").put("Image", task.image());
        return known;
    }

    private ObjectNode attachment(String networkUid, String address) {
        Document network = networks.get(networkUid);
        ObjectNode attachment = Json.object();
        if (network == null) {
            attachment.putObject("Network").put("ID", networkUid).putObject("Spec").put("Name", networkUid);
        } else {
            ObjectNode json = DocumentJson.head(network);
            ObjectNode spec = json.putObject("Spec");
            spec.put("Name", network.name()).set("Labels", network.spec().path("Labels").isObject()
                    ? network.spec().path("Labels") : Json.object());
            spec.putObject("DriverConfiguration").put("Name", "overlay");
            spec.put("Scope", "swarm");
            json.putObject("DriverState").put("Name", "overlay");
            json.putObject("IPAMOptions").set("Configs", network.spec().path("IPAM").path("Config"));
            attachment.set("Network", json);
        }
        ArrayNode addresses = attachment.putArray("Addresses").add(address);
        Optional.ofNullable(network).flatMap(NetworkSpecReader::overlay).flatMap(overlay -> overlay.ipv6(address)).ifPresent(addresses::add);
        return attachment;
    }

    private boolean isOnLiveNode(Task task) {
        NodeView node = task.node() == null ? null : snapshot.view().nodes().get(task.node());
        return node != null && node.ready();
    }
}
