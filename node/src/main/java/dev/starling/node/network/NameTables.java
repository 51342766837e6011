package dev.starling.node.network;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.dns.NameTable;
import dev.starling.node.spec.ContainerSpecBuilder;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.node.spec.NetworkSpecReader;
import dev.starling.node.spec.ServiceEndpoint;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * The names that containers can resolve, per network: a service's name and aliases lead to its virtual address, or where it has none to
 * its running tasks, {@code tasks.NAME} to its running tasks, a task's own name to its address. In networks with IPv6 each of these has an address of
 * either family. A function of the snapshot.
 */
final class NameTables {
    /**
     * @param endpoints   of the services; empty where this node's containers cannot reach virtual addresses
     * @param virtualIpv6 whether they can reach those of IPv6; else a service's name leads by IPv6 to its tasks
     */
    static NameTable of(ClusterSnapshot snapshot, Map<String, ServiceEndpoint> endpoints, boolean virtualIpv6) {
        Map<String, Document> services = new HashMap<>();
        snapshot.documents().get(Kind.SERVICE).forEach(document -> services.put(document.uid(), document));
        Map<String, OverlayNetwork> withIpv6 = NetworkSpecReader.withIpv6(snapshot.documents().get(Kind.NETWORK));
        Map<String, Map<String, List<String>>> table = new TreeMap<>();
        endpoints.forEach((uid, endpoint) -> endpoint.virtualAddresses().forEach((network, address) -> {
            Map<String, List<String>> names = table.computeIfAbsent(network, none -> new TreeMap<>());
            addService(names, services.get(uid), network, address);
            if (virtualIpv6) {
                ipv6(withIpv6, network, address).ifPresent(ipv6 -> addService(names, services.get(uid), network, ipv6));
            }
        }));
        for (Map.Entry<NodeId, List<Task>> entry : snapshot.view().tasks().entrySet()) {
            NodeView node = snapshot.view().nodes().get(entry.getKey());
            if (node == null || !node.ready()) {
                continue;
            }
            for (Task task : entry.getValue()) {
                Document service = services.get(task.slot().serviceUid());
                if (task.state() == TaskState.RUNNING && task.isActive() && service != null) { // gone before its signal comes
                    addTask(table, service, task, network -> hasVirtual(endpoints.get(service.uid()), network), withIpv6, virtualIpv6);
                }
            }
        }
        return NameTable.of(table, clients(snapshot));
    }

    /** This node's containers ask from their addresses, and are answered for all their networks. */
    private static Map<String, Map<String, List<String>>> clients(ClusterSnapshot snapshot) {
        Map<String, Map<String, List<String>>> clients = new TreeMap<>();
        for (Task task : snapshot.view().tasks().getOrDefault(snapshot.self(), List.of())) {
            List<String> networks = userNetworks(task);
            for (String networkUid : task.addresses().keySet()) {
                if (OverlayPlan.isOn(task, networkUid)) {
                    clients.computeIfAbsent(networkUid, uid -> new TreeMap<>()).put(OverlayPlan.address(task, networkUid), networks);
                }
            }
        }
        return clients;
    }

    private static void addTask(Map<String, Map<String, List<String>>> table, Document service, Task task, Predicate<String> hasVirtual,
            Map<String, OverlayNetwork> withIpv6, boolean virtualIpv6) {
        for (String networkUid : userNetworks(task)) {
            Map<String, List<String>> names = table.computeIfAbsent(networkUid, uid -> new TreeMap<>());
            String address = OverlayPlan.address(task, networkUid);
            addTask(names, service, task, address);
            if (!hasVirtual.test(networkUid)) {
                addService(names, service, networkUid, address);
            }
            ipv6(withIpv6, networkUid, address).ifPresent(ipv6 -> {
                addTask(names, service, task, ipv6);
                if (!virtualIpv6 || !hasVirtual.test(networkUid)) {
                    addService(names, service, networkUid, ipv6);
                }
            });
        }
    }

    private static boolean hasVirtual(ServiceEndpoint endpoint, String network) {
        return endpoint != null && endpoint.virtualAddresses().containsKey(network);
    }

    private static Optional<String> ipv6(Map<String, OverlayNetwork> withIpv6, String network, String address) {
        return Optional.ofNullable(withIpv6.get(network)).flatMap(dual -> dual.ipv6(address));
    }

    private static void addTask(Map<String, List<String>> names, Document service, Task task, String address) {
        add(names, "tasks." + service.name(), address);
        add(names, ContainerSpecBuilder.taskName(service, task), address);
    }

    private static void addService(Map<String, List<String>> names, Document service, String networkUid, String address) {
        add(names, service.name(), address);
        for (var attachment : service.spec().path("TaskTemplate").path("Networks")) {
            if (attachment.path("Target").asText().equals(networkUid)) {
                attachment.path("Aliases").forEach(alias -> add(names, alias.asText(), address));
            }
        }
    }

    /** The ingress network has no names: services that only publish ports do not know each other. */
    private static List<String> userNetworks(Task task) {
        return task.addresses().keySet().stream().filter(uid -> !uid.equals(IngressNetwork.UID)).toList();
    }

    private static void add(Map<String, List<String>> names, String name, String address) {
        names.computeIfAbsent(name, key -> new ArrayList<>()).add(address);
    }

    private NameTables() {}
}
