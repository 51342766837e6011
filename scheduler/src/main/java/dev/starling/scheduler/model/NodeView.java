package dev.starling.scheduler.model;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.util.SortedMap;
import java.util.SortedSet;

/**
 * One node as the planner sees it: membership, node spec and the node's own report joined.
 *
 * @param ready    the member is up and its report has arrived
 * @param address  IP literal under which its containers' host is reached
 * @param images    references and ids ({@code busybox:latest}, {@code sha256:...}) of the images it has at hand
 * @param obstacles what services ask for and its host cannot give
 * @param conditions what makes it dearer than its resources tell
 */
public record NodeView(
        NodeId id, String hostname, String address, Role role, boolean ready, Availability availability,
        SortedMap<String, String> labels, SortedMap<String, String> engineLabels, Platform platform, Resources capacity,
        SortedSet<String> images, Obstacles obstacles, NodeConditions conditions) {
    /** One of which nothing makes it dear. */
    public NodeView(NodeId id, String hostname, String address, Role role, boolean ready, Availability availability,
            SortedMap<String, String> labels, SortedMap<String, String> engineLabels, Platform platform, Resources capacity,
            SortedSet<String> images, Obstacles obstacles) {
        this(id, hostname, address, role, ready, availability, labels, engineLabels, platform, capacity, images, obstacles, NodeConditions.NONE);
    }

    /** One whose host can give whatever services ask for. */
    public NodeView(NodeId id, String hostname, String address, Role role, boolean ready, Availability availability,
            SortedMap<String, String> labels, SortedMap<String, String> engineLabels, Platform platform, Resources capacity,
            SortedSet<String> images) {
        this(id, hostname, address, role, ready, availability, labels, engineLabels, platform, capacity, images, Obstacles.NONE);
    }

    /** The same node gone, or back: what would be then. */
    public NodeView withReady(boolean isReady) {
        return new NodeView(id, hostname, address, role, isReady, availability, labels, engineLabels, platform, capacity, images, obstacles, conditions);
    }

    public NodeView withAvailability(Availability other) {
        return new NodeView(id, hostname, address, role, ready, other, labels, engineLabels, platform, capacity, images, obstacles, conditions);
    }

    public NodeView withConditions(NodeConditions others) {
        return new NodeView(id, hostname, address, role, ready, availability, labels, engineLabels, platform, capacity, images, obstacles, others);
    }
}
