package dev.starling.node.core;

import dev.starling.gossip.Role;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.NodeConditions;
import dev.starling.scheduler.model.Obstacles;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Resources;
import java.util.SortedMap;
import java.util.SortedSet;

/**
 * What a node says of itself in its record under the key {@code node}.
 *
 * @param address       IP literal for users and constraints ({@code node.ip}); also its VXLAN endpoint
 * @param apiAddress    host:port of its join listener, as {@code docker swarm join} wants it; shown as the manager address
 * @param images        references and ids at hand
 * @param warnings      what this host lacks, in a line each (missing kernel features)
 * @param obstacles     what services ask for and this host cannot give
 * @param conditions    what makes it dearer than its resources tell
 */
public record NodeReport(
        String hostname, String address, String apiAddress, Role role, Platform platform, Resources capacity, String engineVersion,
        SortedMap<String, String> engineLabels, SortedSet<String> images, SortedSet<String> warnings, Obstacles obstacles,
        NodeConditions conditions) {
    /** One whose host can give whatever services ask for. */
    public NodeReport(String hostname, String address, String apiAddress, Role role, Platform platform, Resources capacity, String engineVersion,
            SortedMap<String, String> engineLabels, SortedSet<String> images, SortedSet<String> warnings) {
        this(hostname, address, apiAddress, role, platform, capacity, engineVersion, engineLabels, images, warnings, Obstacles.NONE,
                NodeConditions.NONE);
    }

    /** The same with more that it has, and what stands in the way there. */
    public NodeReport with(GenericResources generic, Obstacles others) {
        return new NodeReport(hostname, address, apiAddress, role, platform, capacity.withGeneric(generic), engineVersion, engineLabels, images,
                warnings, others, conditions);
    }

    public NodeReport with(NodeConditions others) {
        return new NodeReport(hostname, address, apiAddress, role, platform, capacity, engineVersion, engineLabels, images, warnings, obstacles, others);
    }
}
