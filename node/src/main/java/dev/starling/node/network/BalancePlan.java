package dev.starling.node.network;

import dev.starling.netlink.balance.PublishedPort;
import dev.starling.netlink.balance.VirtualService;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.spec.ServiceEndpoint;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;

/**
 * Where this node sends new connections: a function of the snapshot. A task is given some from when it runs until it is to stop, on live nodes.
 * {@link BalancePlanner} makes plans one after the other; parts in which they do not differ are the same objects.
 *
 * @param ports      what this node publishes, by transport and number
 * @param containers own task that has not ended -> virtual address -> the tasks behind it
 * @param balanced   own tasks that are given connections, or may be, by this node
 * @param withheld   "tcp/28000": what this node picked for a task, and a service was given on all nodes by a manager that did not know of that yet
 */
record BalancePlan(List<PublishedPort> ports, SortedMap<String, SortedMap<String, VirtualService>> containers, SortedSet<String> balanced,
        SortedSet<String> withheld) {
    /** From nothing. */
    static BalancePlan of(ClusterSnapshot snapshot, SortedMap<String, ServiceEndpoint> endpoints) {
        return new BalancePlanner().plan(snapshot, endpoints);
    }
}
