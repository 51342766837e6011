package dev.starling.scheduler.slot;

import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import java.util.List;

/**
 * One slot as a view shows it.
 *
 * @param tasks     all its tasks on all nodes, ended ones included
 * @param holder    the task that owns the slot, null if nobody does: see {@link #holds}
 * @param newest    the task that had the last word, null if there is none; of a job, the last of the present iteration
 * @param finished  nobody owns it, and nobody shall: its work is done, or its restarts are used up
 * @param completed of a job: its work is done in the present iteration, by whatever node
 * @param withheld  of a job: nobody owns it yet, since as many others as may run at a time do
 */
public record SlotState(Slot slot, List<Task> tasks, Task holder, Task newest, boolean finished, boolean completed, boolean withheld) {
    /** Nobody has ever claimed it. */
    static SlotState untouched(Slot slot) {
        return new SlotState(slot, List.of(), null, null, false, false, false);
    }

    /** @param done what the nodes' records keep of a job's work; null where they keep none, or the service is no job */
    static SlotState of(Slot slot, List<Task> tasks, ServiceSpec service, View view, CompletedWork done) {
        if (tasks.isEmpty() && done == null) {
            return untouched(slot);
        }
        if (service.isJob()) {
            return ofJob(slot, tasks, service, view, done);
        }
        Task only = tasks.size() == 1 ? tasks.get(0) : null;
        Task holder = only != null ? holds(only, view) ? only : null
                : tasks.stream().filter(task -> holds(task, view)).min(Precedence.of(service)).orElse(null);
        Task newest = only != null ? only : tasks.stream().max(Precedence.AGE).orElse(null);
        boolean finished = holder == null && newest != null && endedByItself(newest)
                && service.isCurrent(newest) && !mayFollow(newest.state(), newest.attempt(), service.restart());
        return new SlotState(slot, List.copyOf(tasks), holder, newest, finished, false, false);
    }

    /** Tasks of earlier iterations hold nothing and say nothing; they are only to be stopped and shown. */
    private static SlotState ofJob(Slot slot, List<Task> tasks, ServiceSpec service, View view, CompletedWork done) {
        List<Task> present = tasks.stream().filter(service::isCurrent).toList();
        Task newest = present.stream().max(Precedence.AGE).orElse(null);
        boolean completed = done != null && done.iteration() == service.iteration() && done.contains(slot)
                || present.stream().anyMatch(Task::isCompletedWork);
        if (completed) {
            return new SlotState(slot, List.copyOf(tasks), null, newest, true, true, false);
        }
        Task holder = present.stream().filter(task -> holds(task, view)).min(Precedence.ORDER).orElse(null);
        boolean finished = holder == null && newest != null && endedByItself(newest)
                && !mayFollow(newest.state(), newest.attempt(), service.restart());
        return new SlotState(slot, List.copyOf(tasks), holder, newest, finished, false, false);
    }

    SlotState withhold() {
        return new SlotState(slot, tasks, holder, newest, finished, completed, true);
    }

    /**
     * An active claim of a node that is there and not drained; and a task that ended by itself, until its node has said whether it
     * restarts it. The claims of dead nodes hold nothing: their slots are free to take.
     */
    static boolean holds(Task task, View view) {
        NodeView node = view.nodes().get(task.node());
        return node != null && node.ready() && node.availability() != Availability.DRAIN && (task.isActive() || isUndecided(task));
    }

    /** It ended by itself, and its node has not yet written down what follows (which it does by asking for SHUTDOWN). */
    public static boolean isUndecided(Task task) {
        return endedByItself(task) && task.desired().compareTo(TaskState.RUNNING) <= 0;
    }

    private static boolean endedByItself(Task task) {
        return switch (task.state()) {
            case COMPLETE, FAILED, REJECTED -> true;
            default -> false;
        };
    }

    /** Whether the restart policy lets another task follow one that ended so by itself, after {@code attempts} restarts. */
    public static boolean mayFollow(TaskState ended, int attempts, RestartPolicy policy) {
        boolean byCondition = switch (policy.condition()) {
            case NONE -> false;
            case ON_FAILURE -> ended != TaskState.COMPLETE;
            case ANY -> true;
        };
        return byCondition && (policy.maxAttempts() == 0 || attempts < policy.maxAttempts());
    }

    public boolean isFree() {
        return holder == null && !finished && !withheld;
    }

    /** Claimed, and not running yet. */
    public boolean isPending() {
        return holder != null && holder.state() != TaskState.RUNNING;
    }

    /** A node that has gone out of sight had it. */
    public boolean isLost(View view) {
        return holder == null && tasks.stream().anyMatch(task -> task.isActive() && !isThere(task, view));
    }

    private static boolean isThere(Task task, View view) {
        NodeView node = view.nodes().get(task.node());
        return node != null && node.ready();
    }

    public boolean isRunning() {
        return holder != null && holder.state() == TaskState.RUNNING;
    }

    /** The slot is where the service wants it to be: the present template runs, or has done its work. */
    public boolean isDone(ServiceSpec service) {
        return finished || isRunning() && service.isCurrent(holder);
    }
}
