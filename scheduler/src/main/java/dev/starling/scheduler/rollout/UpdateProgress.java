package dev.starling.scheduler.rollout;

import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.UpdatePolicy;
import dev.starling.scheduler.model.UpdateStage;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;

/**
 * How far a service is on the way to its present template. Every node derives it from the tasks it sees, and so all of them halt an update that
 * fails, whether a manager is in reach or not. What a manager then makes of it stands in the document ({@link UpdateStage}).
 *
 * <p>What counts as a failure of an update, in a slot at most one: a task of the present template, made since the document was written, that was
 * rejected, or failed before it had run for the update's monitor time. So a container that crashes a week later is no failure of the update, nor
 * is what failed before an operator wrote the service anew. One that ends with 0 so early is one too where the service restarts it: a service
 * that wants its tasks to go on has them end. A task that was lost with its node says nothing against its template. Failures that the ratio or the
 * action bears do not keep an update from its end: as in Docker it is completed once each slot was tried.
 *
 * @param slots   how many the service wants
 * @param done    run the present template, or have done their work
 * @param changed have a task of the present template, in whatever state
 * @param failed  had a failure of the update, as far as history is kept
 * @param message in Docker's words
 */
public record UpdateProgress(State state, int slots, int done, int changed, int failed, String message) {
    public enum State {
        UPDATING, COMPLETED,
        /** Too many failures: nothing more may change until somebody has looked at it. */
        PAUSED,
        /** Too many failures: the previous spec is to be put back. */
        FAILED
    }

    /** COMPLETED with no slots if the view does not have the service. */
    public static UpdateProgress of(View view, ServiceSpec service) {
        return SlotTable.of(view).service(service.uid()).map(UpdateProgress::of)
                .orElse(new UpdateProgress(State.COMPLETED, 0, 0, 0, 0, "update completed"));
    }

    public static UpdateProgress of(ServiceSlots slots) {
        ServiceSpec service = slots.service();
        int done = 0;
        int changed = 0;
        int failed = 0;
        int tried = 0;
        Task lastFailure = null;
        for (SlotState slot : slots.wanted()) {
            boolean isDone = slot.isDone(service);
            done += isDone ? 1 : 0;
            changed += slot.tasks().stream().anyMatch(service::isCurrent) ? 1 : 0;
            Task failure = slot.tasks().stream().filter(task -> isFailure(service, task)).findFirst().orElse(null);
            tried += isDone || failure != null ? 1 : 0;
            if (failure != null) {
                failed++;
                lastFailure = failure;
            }
        }
        int all = slots.wanted().size();
        UpdatePolicy policy = service.update();
        String what = service.stage().isRollback() ? "rollback" : "update";
        boolean tooManyFailed = failed > 0 && (double) failed / all > policy.maxFailureRatio();
        if (tooManyFailed && policy.failureAction() != UpdatePolicy.FailureAction.CONTINUE) {
            boolean rollback = policy.failureAction() == UpdatePolicy.FailureAction.ROLLBACK;
            return new UpdateProgress(rollback ? State.FAILED : State.PAUSED, all, done, changed, failed,
                    what + (rollback ? " rolled back" : " paused") + " due to failure or early termination of task " + lastFailure.id());
        }
        return tried == all ? new UpdateProgress(State.COMPLETED, all, done, changed, failed, what + " completed")
                : new UpdateProgress(State.UPDATING, all, done, changed, failed, what + " in progress");
    }

    /** Whether the task's end counts against the update that the service is in. */
    public static boolean isFailure(ServiceSpec service, Task task) {
        if (!service.isCurrent(task) || task.serviceGeneration() < service.generation() || task.isLost()) {
            return false;
        }
        boolean early = task.ranMillis() <= service.update().monitorMillis();
        return switch (task.state()) {
            case REJECTED -> true;
            case FAILED -> early;
            case COMPLETE -> early && !service.isJob() && service.restart().condition() == RestartPolicy.Condition.ANY;
            default -> false;
        };
    }

    /** No further slot may change. */
    static boolean isHalted(ServiceSlots slots) {
        UpdateStage stage = slots.service().stage();
        if (stage.isPaused() || stage.isCompleted()) {
            return stage.isPaused(); // what still runs the old template after the end comes from behind a partition, and is no failure
        }
        State state = of(slots).state();
        return state == State.PAUSED || state == State.FAILED;
    }
}
