package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Task;
import java.util.ArrayList;
import java.util.List;

/** {@code /tasks}: of all nodes, those of dead nodes and slots that wait for a node included. */
final class TaskRoutes {
    private final PendingTasks pending;

    TaskRoutes(PendingTasks pending) {
        this.pending = pending;
    }

    void addTo(Endpoints endpoints) {
        endpoints.get("/tasks", this::list);
        endpoints.get("/tasks/{id}", this::inspect);
    }

    private Reply list(Call call) {
        ClusterSnapshot snapshot = call.snapshot();
        Filters filters = call.filters("id", "name", "service", "node", "label", "desired-state", "_up-to-date", "runtime");
        filters.require("desired-state", List.of("running", "shutdown", "accepted", "ready", "remove", "complete"));
        TaskJson json = new TaskJson(snapshot);
        ArrayNode result = Json.array();
        for (Task task : all(snapshot)) {
            if (matches(filters, task, json, snapshot)) {
                result.add(json.of(task));
            }
        }
        return Reply.json(result);
    }

    private Reply inspect(Call call) {
        String reference = call.path("id");
        Task waiting = pending.of(call.snapshot()).stream().filter(task -> task.id().equals(reference)).findFirst().orElse(null);
        Task task = waiting != null ? waiting : new Lookup(call.snapshot()).task(reference);
        return Reply.json(new TaskJson(call.snapshot()).of(task));
    }

    private List<Task> all(ClusterSnapshot snapshot) {
        List<Task> tasks = new ArrayList<>();
        snapshot.view().tasks().values().forEach(tasks::addAll);
        tasks.addAll(pending.of(snapshot));
        return tasks;
    }

    private static boolean matches(Filters filters, Task task, TaskJson json, ClusterSnapshot snapshot) {
        String service = task.slot().serviceUid();
        String slot = task.slot().isGlobal() ? task.slot().node().value() : Integer.toString(task.shownSlot());
        return filters.prefix("id", task.id())
                && filters.any("service", wanted -> service.startsWith(wanted) || wanted.equals(json.serviceName(task)))
                && filters.any("node", wanted -> isOn(task, wanted, snapshot))
                && filters.prefix("name", json.serviceName(task) + "." + slot + "." + task.id())
                && filters.any("desired-state", json.desired(task).wireName()::equals)
                && filters.any("_up-to-date", wanted -> (wanted.equals("true") || wanted.equals("1")) == json.isUpToDate(task))
                && filters.labels("label", json.serviceLabels(task))
                && filters.exactly("runtime", "container");
    }

    private static boolean isOn(Task task, String wanted, ClusterSnapshot snapshot) {
        if (task.node() == null) {
            return false;
        }
        NodeView node = snapshot.view().nodes().get(task.node());
        return task.node().value().startsWith(wanted) || node != null && node.hostname().equals(wanted);
    }
}
