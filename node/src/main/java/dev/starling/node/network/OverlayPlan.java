package dev.starling.node.network;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.netlink.overlay.RemoteEndpoint;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.node.spec.NetworkSpecReader;
import dev.starling.scheduler.address.AddressPlan;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Task;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What this node's kernel should have of the overlay networks: a function of the snapshot. A node has the networks that its own tasks are
 * attached to, and of those networks the addresses of all tasks on other live nodes, from their claim to their end: so the others know an
 * address before its first packet. The ingress network is on every node while a port is published.
 *
 * @param apart nodes to which this one's tunnels cannot go, with the address that they advertise
 */
record OverlayPlan(SortedMap<String, OverlayNetwork> networks, SortedMap<String, SortedSet<RemoteEndpoint>> remotes, SortedMap<NodeId, String> apart) {
    /** @param aliases of peers, by which traffic of encrypted networks goes to them */
    static OverlayPlan of(ClusterSnapshot snapshot, Underlay underlay, SortedMap<NodeId, String> aliases) {
        SortedMap<NodeId, String> tunnelEnds = tunnelEnds(snapshot, underlay);
        TreeMap<String, OverlayNetwork> needed = new TreeMap<>();
        TreeMap<String, SortedSet<RemoteEndpoint>> remotes = new TreeMap<>();
        TreeSet<String> attached = new TreeSet<>();
        snapshot.view().tasks().getOrDefault(snapshot.self(), List.of()).stream().filter(task -> !task.state().isTerminal())
                .forEach(task -> attached.addAll(task.addresses().keySet()));
        for (Document document : snapshot.documents().get(Kind.NETWORK)) {
            if (isIngressInUse(snapshot, document) || attached.contains(document.uid())) {
                onThisNode(snapshot, underlay, document).ifPresent(network -> {
                    needed.put(document.uid(), network);
                    remotes.put(document.uid(), remoteGateways(snapshot, tunnelEnds, document));
                });
            }
        }
        addRemoteTasks(snapshot, tunnelEnds, remotes, needed, aliases);
        remotes.replaceAll((network, endpoints) -> Collections.unmodifiableSortedSet(endpoints));
        return new OverlayPlan(Collections.unmodifiableSortedMap(needed), Collections.unmodifiableSortedMap(remotes), apart(snapshot, underlay));
    }

    /** On a kernel without IPv6: published ports work by IPv4 all the same. A network that users made with IPv6 is refused there. */
    OverlayPlan withIngressOfIpv4() {
        TreeMap<String, OverlayNetwork> possible = new TreeMap<>(networks);
        possible.computeIfPresent(IngressNetwork.UID, (uid, network) -> network.withoutIpv6());
        return new OverlayPlan(Collections.unmodifiableSortedMap(possible), remotes, apart);
    }

    private static boolean isIngressInUse(ClusterSnapshot snapshot, Document network) {
        return network.uid().equals(IngressNetwork.UID)
                && snapshot.documents().get(Kind.SERVICE).stream().anyMatch(service -> IngressNetwork.isUsedBy(service.spec()));
    }

    /** The network as this host makes it; empty where it cannot, or its own gateway is not known yet. */
    static Optional<OverlayNetwork> onThisNode(ClusterSnapshot snapshot, Underlay underlay, Document document) {
        return NetworkSpecReader.overlay(document, underlay.lessRoom()).flatMap(network -> !network.gateway().isEmpty() ? Optional.of(network)
                : gateway(snapshot, snapshot.self(), document).map(network::withGateway));
    }

    private static Optional<String> gateway(ClusterSnapshot snapshot, NodeId node, Document network) {
        return NetworkSpecReader.fromBody(network).filter(NetworkSpec::hasGatewayPerNode)
                .flatMap(spec -> AddressPlan.gatewayOf(snapshot.view(), node, spec));
    }

    private static SortedSet<RemoteEndpoint> remoteGateways(ClusterSnapshot snapshot, SortedMap<NodeId, String> tunnelEnds, Document network) {
        TreeSet<RemoteEndpoint> endpoints = new TreeSet<>();
        tunnelEnds.forEach((node, vtep) -> gateway(snapshot, node, network).ifPresent(address -> endpoints.add(new RemoteEndpoint(address, vtep))));
        return endpoints;
    }

    /** In one pass over all tasks, however many networks there are. */
    private static void addRemoteTasks(ClusterSnapshot snapshot, SortedMap<NodeId, String> tunnelEnds, Map<String, SortedSet<RemoteEndpoint>> remotes,
            Map<String, OverlayNetwork> networks, SortedMap<NodeId, String> aliases) {
        tunnelEnds.forEach((node, vtep) -> {
            String alias = aliases.getOrDefault(node, vtep);
            for (Task task : snapshot.view().tasks().get(node)) {
                if (!task.state().isTerminal()) {
                    task.addresses().forEach((network, address) -> {
                        SortedSet<RemoteEndpoint> endpoints = remotes.get(network);
                        if (endpoints != null) {
                            endpoints.add(new RemoteEndpoint(withoutPrefix(address), networks.get(network).encrypted() ? alias : vtep));
                        }
                    });
                }
            }
        });
    }

    /** Where the nodes that may have tasks, are up and are not this one take what is sent to those. */
    private static SortedMap<NodeId, String> tunnelEnds(ClusterSnapshot snapshot, Underlay underlay) {
        TreeMap<NodeId, String> ends = new TreeMap<>();
        for (NodeId id : snapshot.view().tasks().keySet()) {
            NodeView node = snapshot.view().nodes().get(id);
            if (!id.equals(snapshot.self()) && node != null && node.ready()) {
                underlay.towards(node.address()).ifPresent(end -> ends.put(id, end));
            }
        }
        return ends;
    }

    private static SortedMap<NodeId, String> apart(ClusterSnapshot snapshot, Underlay underlay) {
        TreeMap<NodeId, String> apart = new TreeMap<>();
        snapshot.view().nodes().values().stream().filter(node -> node.ready() && !node.address().isEmpty() && underlay.towards(node.address()).isEmpty())
                .filter(node -> !node.id().equals(snapshot.self())).forEach(node -> apart.put(node.id(), node.address()));
        return Collections.unmodifiableSortedMap(apart);
    }

    static boolean isOn(Task task, String networkUid) {
        return !task.state().isTerminal() && task.addresses().containsKey(networkUid);
    }

    /** Without the prefix length. */
    static String address(Task task, String networkUid) {
        return withoutPrefix(task.addresses().get(networkUid));
    }

    static String withoutPrefix(String address) {
        int slash = address.indexOf('/');
        return slash < 0 ? address : address.substring(0, slash);
    }
}
