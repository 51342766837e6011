package dev.starling.scheduler.filter;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.Predicate;

/**
 * The load of every node. A task takes its reservation and its host ports until its container has ended, also while it is being stopped.
 * A task that waits for its predecessor in the same slot to end takes the predecessor's share, and only what it wants more besides.
 * Of host ports a task takes those that it has and, where its service has been updated, those that the next one in its slot is to get.
 */
public final class Occupancy {
    private final SortedMap<NodeId, NodeLoad> loads = new TreeMap<>();

    private Occupancy() {}

    public static Occupancy of(View view) {
        Occupancy occupancy = new Occupancy();
        for (NodeId node : view.nodes().keySet()) {
            occupancy.loads.put(node, planned(view.tasks().getOrDefault(node, List.of()), view.services()));
        }
        return occupancy;
    }

    /** The load of one node's tasks as plans count it: each reserves what its service asks for now. */
    public static NodeLoad planned(List<Task> tasks, SortedMap<String, ServiceSpec> services) {
        return of(tasks, services, Occupancy::byService, task -> true);
    }

    /**
     * The load of one node's tasks.
     *
     * @param reserves what a task takes, given its service (null where that is gone)
     * @param counts   which of the tasks to count
     */
    public static NodeLoad of(List<Task> tasks, SortedMap<String, ServiceSpec> services,
            BiFunction<Task, ServiceSpec, Resources> reserves, Predicate<Task> counts) {
        NodeLoad load = new NodeLoad();
        for (Task task : tasks) {
            ServiceSpec service = services.get(task.slot().serviceUid());
            if (task.state().isTerminal() || !counts.test(task)) {
                continue;
            }
            Resources own = reserves.apply(task, service);
            Task predecessor = isWaiting(task) ? predecessor(task, tasks, counts) : null;
            if (predecessor == null) {
                load.reserve(own);
            } else {
                load.reserve(own.beyond(reserves.apply(predecessor, service)));
            }
            load.occupy(task.hostPorts());
            if (service != null) {
                load.occupy(service.hostPorts());
                load.expect(service.openPorts(), task.pickedPorts());
            }
            load.mention(task.slot().serviceUid());
            if (task.isActive() && service != null) { // of a service that is not known here yet nobody can say at whose turn it counts
                load.count(task.slot().serviceUid());
            }
        }
        return load;
    }

    /** For plans, which have to be alike on nodes that know the same services but have not yet heard of the same tasks. */
    private static Resources byService(Task task, ServiceSpec service) {
        return service == null ? Resources.NONE : service.reservations();
    }

    /** For the task before it in its slot to end. */
    public static boolean isWaiting(Task task) {
        return task.desired() == TaskState.READY && task.state() == TaskState.ASSIGNED;
    }

    private static Task predecessor(Task waiting, List<Task> tasks, Predicate<Task> counts) {
        for (Task task : tasks) {
            if (task.slot().equals(waiting.slot()) && !task.state().isTerminal() && !isWaiting(task) && counts.test(task)) {
                return task;
            }
        }
        return null;
    }

    public NodeLoad load(NodeId node) {
        return loads.computeIfAbsent(node, absent -> new NodeLoad());
    }
}
