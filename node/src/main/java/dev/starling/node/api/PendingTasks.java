package dev.starling.node.api;

import dev.starling.node.core.ClusterSnapshot;
import dev.starling.scheduler.model.Task;
import java.util.List;

/** The slots that no node has claimed yet, as tasks without a node, so that {@code docker service ps} shows them with what they wait for. */
@FunctionalInterface
public interface PendingTasks {
    PendingTasks NONE = snapshot -> List.of();

    /** Tasks whose {@code node} is null, and whose ids stay the same while they wait. */
    List<Task> of(ClusterSnapshot snapshot);
}
