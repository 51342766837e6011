package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The containers of one node, as strict as a real runtime: a task is started once, what was not started is not stopped. The image says
 * how a container fares: "app" runs, "missing" is rejected, "crash" runs a moment and fails, "batch" runs a moment and completes,
 * "only-nodeNN" is rejected on all other nodes. A task whose host port is in use fails before it runs.
 */
final class FakeContainers {
    static final long START_MILLIS = 300;
    static final long STOP_MILLIS = 200;
    private static final long SHORT_RUN_MILLIS = 500;

    private record Due(long at, TaskReport report) {}

    private final NodeId node;
    /** By processes of the host, of which the node's report says nothing. */
    final SortedSet<String> portsInUse = new TreeSet<>();
    private final SortedMap<String, Task> alive = new TreeMap<>();
    private final SortedMap<String, List<Due>> due = new TreeMap<>();
    private final List<String> everStarted = new ArrayList<>();

    FakeContainers(NodeId node) {
        this.node = node;
    }

    void start(Task task, long now) {
        check(!everStarted.contains(task.id()), "started twice: " + task);
        everStarted.add(task.id());
        alive.put(task.id(), task);
        List<Due> reports = new ArrayList<>();
        reports.add(new Due(now + 10, report(task, TaskState.PREPARING, "preparing", "", -1)));
        String image = task.image().substring(0, task.image().indexOf(':'));
        if (image.equals("missing") || image.startsWith("only-") && !image.substring(5).equals(node.value())) {
            reports.add(new Due(now + 50, report(task, TaskState.REJECTED, "preparing", "No such image: " + task.image(), -1)));
        } else if (task.hostPorts().stream().anyMatch(portsInUse::contains)) {
            reports.add(new Due(now + 50, report(task, TaskState.FAILED, "starting", "host port in use by another process", -1)));
        } else {
            reports.add(new Due(now + START_MILLIS / 2, report(task, TaskState.STARTING, "starting", "", -1)));
            reports.add(new Due(now + START_MILLIS, report(task, TaskState.RUNNING, "started", "", -1)));
            if (image.equals("crash")) {
                reports.add(new Due(now + START_MILLIS + SHORT_RUN_MILLIS, report(task, TaskState.FAILED, "started", "task: non-zero exit (1)", 1)));
            } else if (image.equals("batch")) {
                reports.add(new Due(now + START_MILLIS + SHORT_RUN_MILLIS, report(task, TaskState.COMPLETE, "finished", "", 0)));
            }
        }
        due.put(task.id(), reports);
    }

    void stop(Task task, long now) {
        check(everStarted.contains(task.id()), "stopped but never started: " + task);
        if (alive.containsKey(task.id())) {
            due.put(task.id(), new ArrayList<>(List.of(new Due(now + STOP_MILLIS, report(task, TaskState.FAILED, "stopped", "", 137)))));
        }
    }

    void drop(Task task) {
        check(!alive.containsKey(task.id()), "dropped while its container is there: " + task);
    }

    /** The container's process ends by itself. */
    void kill(String taskId, long now) {
        check(alive.containsKey(taskId), "no container of " + taskId);
        due.put(taskId, new ArrayList<>(List.of(new Due(now, report(alive.get(taskId), TaskState.FAILED, "started", "task: non-zero exit (137)", 137)))));
    }

    /** Power cut: nothing is left, and nothing is reported. */
    void loseAll() {
        alive.clear();
        due.clear();
    }

    List<TaskReport> reportsAt(long now) {
        List<TaskReport> reports = new ArrayList<>();
        due.values().forEach(list -> {
            while (!list.isEmpty() && list.get(0).at <= now) {
                TaskReport report = list.remove(0).report;
                if (report.state().isTerminal()) {
                    alive.remove(report.taskId());
                }
                reports.add(report);
            }
        });
        due.values().removeIf(List::isEmpty);
        return reports;
    }

    int startedCount() {
        return everStarted.size();
    }

    boolean isIdle() {
        return due.isEmpty();
    }

    SortedMap<String, Task> alive() {
        return alive;
    }

    private static TaskReport report(Task task, TaskState state, String message, String error, int exitCode) {
        return new TaskReport(task.id(), state, message, error, exitCode, "container-" + task.id(), state.isTerminal() ? 0 : 4711);
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }
}
