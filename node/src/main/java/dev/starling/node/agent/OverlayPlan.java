package dev.starling.node.agent;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.netlink.overlay.RemoteEndpoint;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.NetworkSpecReader;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Task;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What this node's kernel should have of the overlay networks: a function of the snapshot. A node has the networks that its own tasks are
 * attached to, and of those networks the addresses of all tasks on other live nodes, from their claim to their end: so the others know an
 * address before its first packet.
 */
record OverlayPlan(SortedMap<String, OverlayNetwork> networks, SortedMap<String, SortedSet<RemoteEndpoint>> remotes) {
    static OverlayPlan of(ClusterSnapshot snapshot) {
        TreeMap<String, OverlayNetwork> needed = new TreeMap<>();
        TreeMap<String, SortedSet<RemoteEndpoint>> remotes = new TreeMap<>();
        List<Task> own = snapshot.view().tasks().getOrDefault(snapshot.self(), List.of());
        for (Document document : snapshot.documents().get(Kind.NETWORK)) {
            if (own.stream().anyMatch(task -> isOn(task, document.uid()))) {
                NetworkSpecReader.overlay(document).ifPresent(network -> {
                    needed.put(document.uid(), network);
                    remotes.put(document.uid(), remoteEndpoints(snapshot, document.uid()));
                });
            }
        }
        return new OverlayPlan(Collections.unmodifiableSortedMap(needed), Collections.unmodifiableSortedMap(remotes));
    }

    private static SortedSet<RemoteEndpoint> remoteEndpoints(ClusterSnapshot snapshot, String networkUid) {
        TreeSet<RemoteEndpoint> endpoints = new TreeSet<>();
        for (Map.Entry<NodeId, List<Task>> entry : snapshot.view().tasks().entrySet()) {
            NodeView node = snapshot.view().nodes().get(entry.getKey());
            if (entry.getKey().equals(snapshot.self()) || node == null || !node.ready() || node.address().isEmpty()) {
                continue;
            }
            for (Task task : entry.getValue()) {
                if (isOn(task, networkUid)) {
                    endpoints.add(new RemoteEndpoint(address(task, networkUid), node.address()));
                }
            }
        }
        return Collections.unmodifiableSortedSet(endpoints);
    }

    static boolean isOn(Task task, String networkUid) {
        return !task.state().isTerminal() && task.addresses().containsKey(networkUid);
    }

    /** Without the prefix length. */
    static String address(Task task, String networkUid) {
        String address = task.addresses().get(networkUid);
        int slash = address.indexOf('/');
        return slash < 0 ? address : address.substring(0, slash);
    }
}
