package dev.starling.scheduler.model;

import dev.starling.gossip.NodeId;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;

/**
 * An immutable snapshot of what one node knows: members, desired state and every node's record.
 *
 * @param nodes    all enrolled nodes, dead ones included ({@code ready == false})
 * @param services live services by uid
 * @param networks live overlay networks by uid
 * @param tasks    node -> its tasks in id order, history included; for the node itself, as the others see them
 * @param refusals node -> its refusals in slot order
 * @param blocks   node -> the address blocks it holds
 * @param completed node -> what it keeps of the work that jobs have done, in the order of their uids
 * @param loads    node -> what the tasks of autoscaled services use there, in the order of their uids; nodes that run none are left out
 * @param taskHistoryLimit ended tasks that are kept of each slot
 * @param suspected nodes that count as ready and have lately not answered this one; a view that differs in nothing else is not told to anybody
 */
public record View(
        SortedMap<NodeId, NodeView> nodes, SortedMap<String, ServiceSpec> services, SortedMap<String, NetworkSpec> networks,
        SortedMap<NodeId, List<Task>> tasks, SortedMap<NodeId, List<Refusal>> refusals, SortedMap<NodeId, List<BlockClaim>> blocks,
        SortedMap<NodeId, List<CompletedWork>> completed, SortedMap<NodeId, List<ServiceLoad>> loads, int taskHistoryLimit,
        SortedSet<NodeId> suspected) {
    /** As in Docker. */
    public static final int DEFAULT_TASK_HISTORY_LIMIT = 5;

    /** One in which all answer. */
    public View(SortedMap<NodeId, NodeView> nodes, SortedMap<String, ServiceSpec> services, SortedMap<String, NetworkSpec> networks,
            SortedMap<NodeId, List<Task>> tasks, SortedMap<NodeId, List<Refusal>> refusals, SortedMap<NodeId, List<BlockClaim>> blocks,
            SortedMap<NodeId, List<CompletedWork>> completed, SortedMap<NodeId, List<ServiceLoad>> loads, int taskHistoryLimit) {
        this(nodes, services, networks, tasks, refusals, blocks, completed, loads, taskHistoryLimit, Collections.emptySortedSet());
    }

    /** One in which nothing is scaled by its load. */
    public View(SortedMap<NodeId, NodeView> nodes, SortedMap<String, ServiceSpec> services, SortedMap<String, NetworkSpec> networks,
            SortedMap<NodeId, List<Task>> tasks, SortedMap<NodeId, List<Refusal>> refusals, SortedMap<NodeId, List<BlockClaim>> blocks,
            SortedMap<NodeId, List<CompletedWork>> completed) {
        this(nodes, services, networks, tasks, refusals, blocks, completed, Collections.emptySortedMap(), DEFAULT_TASK_HISTORY_LIMIT);
    }

    /** One in which nobody keeps anything of jobs. */
    public View(SortedMap<NodeId, NodeView> nodes, SortedMap<String, ServiceSpec> services, SortedMap<String, NetworkSpec> networks,
            SortedMap<NodeId, List<Task>> tasks, SortedMap<NodeId, List<Refusal>> refusals, SortedMap<NodeId, List<BlockClaim>> blocks) {
        this(nodes, services, networks, tasks, refusals, blocks, Collections.emptySortedMap());
    }

    /** So many are more than half of the enrolled nodes. */
    public boolean isMajority(long count) {
        return 2 * count > nodes.size();
    }

    public View withNodes(SortedMap<NodeId, NodeView> others) {
        return new View(others, services, networks, tasks, refusals, blocks, completed, loads, taskHistoryLimit, suspected);
    }

    public View withTasks(SortedMap<NodeId, List<Task>> others) {
        return new View(nodes, services, networks, others, refusals, blocks, completed, loads, taskHistoryLimit, suspected);
    }

    public View withServices(SortedMap<String, ServiceSpec> others) {
        return new View(nodes, others, networks, tasks, refusals, blocks, completed, loads, taskHistoryLimit, suspected);
    }

    public View withSuspected(SortedSet<NodeId> others) {
        return new View(nodes, services, networks, tasks, refusals, blocks, completed, loads, taskHistoryLimit, others);
    }
}
