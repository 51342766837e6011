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
 * @param images   references and ids ({@code busybox:latest}, {@code sha256:...}) of the images it has at hand
 */
public record NodeView(
        NodeId id, String hostname, String address, Role role, boolean ready, Availability availability,
        SortedMap<String, String> labels, SortedMap<String, String> engineLabels, Platform platform, Resources capacity,
        SortedSet<String> images) {}
