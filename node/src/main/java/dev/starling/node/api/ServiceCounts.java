package dev.starling.node.api;

import dev.starling.node.core.ClusterSnapshot;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import java.util.HashMap;
import java.util.Map;

/**
 * How many tasks each service has and waits for, counted once for all services of an answer: what waits is worked out for the whole cluster, which {@code docker
 * service ls} must not do again for each of a thousand services.
 */
final class ServiceCounts {
    /** Of one service. */
    static final class Count {
        private int running;
        private int present;
        private int waiting;
        private int completed;

        int running() {
            return running;
        }

        /** Tasks that are there, and slots that wait for one. */
        int wanted() {
            return present + waiting;
        }

        /** Of a job, also those whose node is gone. */
        int completed() {
            return completed;
        }
    }

    private static final Count NONE = new Count();

    private final Map<String, Count> ofService = new HashMap<>();

    ServiceCounts(ClusterSnapshot snapshot, PendingTasks pending) {
        snapshot.view().tasks().forEach((id, tasks) -> {
            NodeView node = snapshot.view().nodes().get(id);
            if (node != null && node.ready()) {
                tasks.forEach(task -> add(task, snapshot.view().services().get(task.slot().serviceUid())));
            }
        });
        pending.of(snapshot).forEach(task -> of(task.slot().serviceUid()).waiting++);
        if (snapshot.view().services().values().stream().anyMatch(ServiceSpec::isJob)) {
            SlotTable.of(snapshot.view()).byAge().stream().filter(slots -> slots.service().isJob()).forEach(this::addCompleted);
        }
    }

    /** Of a job those of its present iteration count. */
    private void add(Task task, ServiceSpec service) {
        if (service != null && task.desired().compareTo(TaskState.RUNNING) <= 0 && !task.state().isTerminal()
                && (!service.isJob() || service.isCurrent(task))) {
            Count count = of(service.uid());
            count.present++;
            count.running += task.state() == TaskState.RUNNING ? 1 : 0;
        }
    }

    private void addCompleted(ServiceSlots job) {
        of(job.service().uid()).completed = (int) job.wanted().stream().filter(SlotState::completed).count();
    }

    private Count of(String uid) {
        return ofService.computeIfAbsent(uid, first -> new Count());
    }

    Count get(String uid) {
        return ofService.getOrDefault(uid, NONE);
    }
}
