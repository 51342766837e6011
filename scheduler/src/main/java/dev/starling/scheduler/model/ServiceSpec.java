package dev.starling.scheduler.model;

import dev.starling.gossip.desired.HybridTime;
import java.util.List;

/**
 * What the planner needs of a service; the whole Docker spec stays with the node module.
 *
 * @param generation         Docker's Version.Index of the service object
 * @param templateHash       hash of everything that makes a running task out of date when it changes
 * @param image              image reference as written
 * @param constraints        as written, e.g. {@code node.labels.zone==a}; syntax checked before it gets here
 * @param spreadPreferences  spread descriptors in order, e.g. {@code node.labels.zone}
 * @param platforms          platforms of the image; empty for any
 * @param maxReplicasPerNode 0 for no limit
 * @param networks           uids of the overlay networks it is attached to, in order
 * @param hostPorts          "tcp/8080": ports published in host mode, one task a node
 * @param site               what Starling's own labels say
 */
public record ServiceSpec(
        String uid, String name, HybridTime created, long generation, String templateHash, String image, Mode mode, Resources reservations,
        List<String> constraints, List<String> spreadPreferences, List<Platform> platforms, int maxReplicasPerNode,
        RestartPolicy restart, UpdatePolicy update, List<String> networks, List<String> hostPorts, SitePolicy site) {

    /** One without labels of ours. */
    public ServiceSpec(String uid, String name, HybridTime created, long generation, String templateHash, String image, Mode mode,
            Resources reservations, List<String> constraints, List<String> spreadPreferences, List<Platform> platforms, int maxReplicasPerNode,
            RestartPolicy restart, UpdatePolicy update, List<String> networks, List<String> hostPorts) {
        this(uid, name, created, generation, templateHash, image, mode, reservations, constraints, spreadPreferences, platforms,
                maxReplicasPerNode, restart, update, networks, hostPorts, SitePolicy.DEFAULT);
    }

    public sealed interface Mode {
        record Replicated(int replicas) implements Mode {}

        record Global() implements Mode {}
    }
}
