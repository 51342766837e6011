package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.CanonicalJson;
import dev.starling.node.spec.NetworkSpecReader;
import dev.starling.scheduler.model.Task;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Networks as {@code docker network ls} and {@code inspect} read them. */
final class NetworkJson {
    /** The networks that each Docker host has; here they are names only. */
    static final List<String> PREDEFINED = List.of("bridge", "host", "none");

    static ObjectNode of(Document network, ClusterSnapshot snapshot, Set<Task> localTasks) {
        JsonNode spec = network.spec();
        ObjectNode json = head(network.name(), network.uid(), Json.time(network.object().created().wallMillis()), "swarm",
                spec.path("Driver").asText("overlay"));
        ObjectNode ipam = json.putObject("IPAM").put("Driver", "default");
        ipam.putNull("Options");
        ipam.set("Config", spec.path("IPAM").path("Config").isArray() ? spec.path("IPAM").path("Config") : Json.array());
        for (String flag : List.of("Attachable", "Internal", "Ingress")) {
            json.put(flag, spec.path(flag).asBoolean(false));
        }
        ObjectNode options = spec.path("Options") instanceof ObjectNode given ? given.deepCopy() : Json.object();
        json.put("EnableIPv6", spec.path("EnableIPv6").asBoolean(false));
        json.set("Options", options.put("com.docker.network.driver.overlay.vxlanid_list", spec.path("VxlanId").asText("")));
        json.set("Labels", spec.path("Labels").isObject() ? spec.path("Labels") : Json.object());
        json.set("Containers", containers(network, localTasks));
        putPeers(json.putArray("Peers"), network, snapshot);
        return json;
    }

    static ObjectNode predefined(String name) {
        ObjectNode json = head(name, predefinedId(name), Json.time(0), "local", name.equals("none") ? "null" : name);
        json.putObject("IPAM").put("Driver", "default").putNull("Options").putArray("Config");
        json.putObject("Options");
        json.putObject("Labels");
        json.putObject("Containers");
        return json;
    }

    static String predefinedId(String name) {
        return CanonicalJson.sha256("starling network " + name);
    }

    private static ObjectNode head(String name, String id, String created, String scope, String driver) {
        ObjectNode json = Json.object().put("Name", name).put("Id", id).put("Created", created).put("Scope", scope).put("Driver", driver)
                .put("EnableIPv4", true).put("EnableIPv6", false).put("Internal", false).put("Attachable", false).put("Ingress", false);
        json.putObject("ConfigFrom").put("Network", "");
        return json.put("ConfigOnly", false);
    }

    private static ObjectNode containers(Document network, Set<Task> localTasks) {
        ObjectNode containers = Json.object();
        Optional<OverlayNetwork> overlay = NetworkSpecReader.overlay(network);
        for (Task task : localTasks) {
            String address = task.addresses().get(network.uid());
            if (address != null && task.isActive() && !task.containerId().isEmpty()) {
                containers.putObject(task.containerId()).put("Name", task.id()).put("EndpointID", "").put("MacAddress", "")
                        .put("IPv4Address", address).put("IPv6Address", overlay.flatMap(of -> of.ipv6(address)).orElse(""));
            }
        }
        return containers;
    }

    private static void putPeers(ArrayNode peers, Document network, ClusterSnapshot snapshot) {
        snapshot.view().tasks().forEach((node, tasks) -> {
            boolean uses = tasks.stream().anyMatch(task -> task.isActive() && task.addresses().containsKey(network.uid()));
            if (uses && snapshot.reports().containsKey(node)) {
                peers.addObject().put("Name", node.value()).put("IP", snapshot.reports().get(node).address());
            }
        });
    }

    private NetworkJson() {}
}
