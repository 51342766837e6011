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
 * @param openPorts          "tcp/80": ports of the container that are published in host mode under numbers which the task's node picks, sorted
 * @param stage              where its last update stands, by its document
 * @param bindSources        directories and files of the node that it mounts
 * @param site               what Starling's own labels say
 */
public record ServiceSpec(
        String uid, String name, HybridTime created, long generation, String templateHash, String image, Mode mode, Resources reservations,
        List<String> constraints, List<String> spreadPreferences, List<Platform> platforms, int maxReplicasPerNode,
        RestartPolicy restart, UpdatePolicy update, UpdateStage stage, List<String> networks, List<String> hostPorts,
        List<String> openPorts, List<String> bindSources, SitePolicy site) {

    /** One that was never updated, mounts nothing of the node's, and has no labels of ours. */
    public ServiceSpec(String uid, String name, HybridTime created, long generation, String templateHash, String image, Mode mode,
            Resources reservations, List<String> constraints, List<String> spreadPreferences, List<Platform> platforms, int maxReplicasPerNode,
            RestartPolicy restart, UpdatePolicy update, List<String> networks, List<String> hostPorts) {
        this(uid, name, created, generation, templateHash, image, mode, reservations, constraints, spreadPreferences, platforms,
                maxReplicasPerNode, restart, update, UpdateStage.NONE, networks, hostPorts, List.of(), List.of(), SitePolicy.DEFAULT);
    }

    public sealed interface Mode {
        record Replicated(int replicas) implements Mode {}

        record Global() implements Mode {}

        /**
         * Runs {@code completions} slots to their end, at most {@code maxConcurrent} at a time.
         *
         * @param iteration from 1; {@code docker service update --force} begins the next one
         */
        record ReplicatedJob(int completions, int maxConcurrent, long iteration) implements Mode {}

        /** Runs once to its end on each node. */
        record GlobalJob(long iteration) implements Mode {}
    }

    public boolean isJob() {
        return iteration() > 0;
    }

    /** Which of its runs a job is at; 0 for a service that is no job. */
    public long iteration() {
        return mode instanceof Mode.ReplicatedJob job ? job.iteration() : mode instanceof Mode.GlobalJob job ? job.iteration() : 0;
    }

    public boolean isPerNode() {
        return mode instanceof Mode.Global || mode instanceof Mode.GlobalJob;
    }

    /**
     * The task is what the service wants now. A job's task that was begun goes on to its end whatever becomes of the template; only the next
     * iteration replaces it.
     */
    public boolean isCurrent(Task task) {
        return isJob() ? task.iteration() == iteration() : task.iteration() == 0 && task.templateHash().equals(templateHash);
    }
}
