package dev.starling.node.network;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.balance.Backend;
import dev.starling.netlink.balance.PublishedPort;
import dev.starling.netlink.nft.Transport;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.node.spec.ServiceEndpoint;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Where this node sends new connections: a function of the snapshot. A task is given some from when it runs until it is to stop, on live nodes.
 *
 * @param ports      what this node publishes, in the order of their names
 * @param containers own task that runs -> virtual address -> addresses of the tasks behind it
 * @param balanced   tasks that are given connections, or may be, by this node
 */
record BalancePlan(List<PublishedPort> ports, SortedMap<String, SortedMap<String, SortedSet<String>>> containers, SortedSet<String> balanced) {
    /** With the value {@code local}: a node's port leads to its own tasks only. */
    static final String INGRESS_LABEL = "starling.ingress";

    private record Placed(Task task, boolean local) {}

    static BalancePlan of(ClusterSnapshot snapshot, Map<String, ServiceEndpoint> endpoints) {
        Map<String, List<Placed>> tasksOf = new TreeMap<>();
        TreeSet<String> balanced = new TreeSet<>();
        snapshot.view().tasks().forEach((node, tasks) -> tasks.stream().filter(task -> takesConnections(task, node, snapshot)).forEach(task -> {
            tasksOf.computeIfAbsent(task.slot().serviceUid(), uid -> new ArrayList<>()).add(new Placed(task, node.equals(snapshot.self())));
            balanced.add(task.id());
        }));
        List<PublishedPort> ports = new ArrayList<>();
        SortedMap<String, SortedMap<String, SortedSet<String>>> virtualOfNetwork = new TreeMap<>();
        for (Document service : snapshot.documents().get(Kind.SERVICE)) {
            ServiceEndpoint endpoint = endpoints.get(service.uid());
            List<Placed> tasks = tasksOf.getOrDefault(service.uid(), List.of());
            boolean localOnly = service.spec().path("Labels").path(INGRESS_LABEL).asText("").equals("local");
            endpoint.ports().stream().filter(port -> port.ingress() || hasOwnTask(snapshot, service.uid()))
                    .forEach(port -> ports.add(published(port, tasks, localOnly || !port.ingress())));
            endpoint.virtualAddresses().forEach((network, address) ->
                    virtualOfNetwork.computeIfAbsent(network, uid -> new TreeMap<>()).put(address, addresses(tasks, network)));
        }
        ports.sort(Comparator.comparing(PublishedPort::text));
        return new BalancePlan(List.copyOf(ports), containers(snapshot, virtualOfNetwork), Collections.unmodifiableSortedSet(balanced));
    }

    private static boolean takesConnections(Task task, NodeId node, ClusterSnapshot snapshot) {
        NodeView view = snapshot.view().nodes().get(node);
        return view != null && view.ready() && task.state() == TaskState.RUNNING && task.isActive();
    }

    private static boolean hasOwnTask(ClusterSnapshot snapshot, String serviceUid) {
        return snapshot.view().tasks().getOrDefault(snapshot.self(), List.of()).stream()
                .anyMatch(task -> task.slot().serviceUid().equals(serviceUid) && !task.state().isTerminal());
    }

    private static PublishedPort published(ServiceEndpoint.Port port, List<Placed> tasks, boolean localOnly) {
        TreeSet<Backend> backends = new TreeSet<>();
        for (Placed placed : tasks) {
            if ((placed.local() || !localOnly) && placed.task().addresses().containsKey(IngressNetwork.UID)) {
                backends.add(new Backend(OverlayPlan.address(placed.task(), IngressNetwork.UID), port.target(), placed.local()));
            }
        }
        return new PublishedPort(port.protocol().equals("udp") ? Transport.UDP : Transport.TCP, port.published(),
                Collections.unmodifiableSortedSet(backends));
    }

    private static SortedSet<String> addresses(List<Placed> tasks, String network) {
        TreeSet<String> addresses = new TreeSet<>();
        tasks.stream().map(Placed::task).filter(task -> task.addresses().containsKey(network))
                .forEach(task -> addresses.add(OverlayPlan.address(task, network)));
        return Collections.unmodifiableSortedSet(addresses);
    }

    private static SortedMap<String, SortedMap<String, SortedSet<String>>> containers(ClusterSnapshot snapshot,
            SortedMap<String, SortedMap<String, SortedSet<String>>> virtualOfNetwork) {
        SortedMap<String, SortedMap<String, SortedSet<String>>> containers = new TreeMap<>();
        for (Task task : snapshot.view().tasks().getOrDefault(snapshot.self(), List.of())) {
            TreeMap<String, SortedSet<String>> seen = new TreeMap<>();
            task.addresses().keySet().forEach(network -> seen.putAll(virtualOfNetwork.getOrDefault(network, Collections.emptySortedMap())));
            if (!task.state().isTerminal() && !seen.isEmpty()) {
                containers.put(task.id(), Collections.unmodifiableSortedMap(seen));
            }
        }
        return Collections.unmodifiableSortedMap(containers);
    }
}
