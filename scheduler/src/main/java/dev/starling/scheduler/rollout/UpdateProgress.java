package dev.starling.scheduler.rollout;

import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.UpdatePolicy;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import java.util.function.Predicate;

/**
 * How far a service is on the way to its present template. Nobody writes it down: every node derives it from the tasks it sees. A
 * service that was just created is UPDATING too; show it as an update only if there was a spec before this one.
 *
 * @param slots   how many the service wants
 * @param done    run the present template, or have done its work
 * @param changed have a task of the present template, in whatever state
 * @param failed  had a task of the present template fail or be rejected, as far as history is kept
 * @param message in Docker's words
 */
public record UpdateProgress(State state, int slots, int done, int changed, int failed, String message) {
    public enum State {
        UPDATING, COMPLETED, PAUSED,
        /** The update has failed and asks for its previous spec: a manager's API puts it (the scheduler does not know it). */
        ROLLBACK_STARTED,
        ROLLBACK_PAUSED, ROLLBACK_COMPLETED
    }

    /** COMPLETED with no slots if the view does not have the service. */
    public static UpdateProgress of(View view, ServiceSpec service) {
        return SlotTable.of(view).service(service.uid()).map(UpdateProgress::of)
                .orElse(new UpdateProgress(State.COMPLETED, 0, 0, 0, 0, "update completed"));
    }

    static UpdateProgress of(ServiceSlots slots) {
        ServiceSpec service = slots.service();
        Predicate<Task> present = service::isCurrent;
        int done = 0;
        int changed = 0;
        int failed = 0;
        String lastFailure = "";
        for (SlotState slot : slots.wanted().values()) {
            done += slot.isDone(service) ? 1 : 0;
            changed += slot.tasks().stream().anyMatch(present) ? 1 : 0;
            Task failure = slot.tasks().stream().filter(present.and(UpdateProgress::isFailure)).findFirst().orElse(null);
            if (failure != null) {
                failed++;
                lastFailure = failure.id();
            }
        }
        int all = slots.wanted().size();
        UpdatePolicy policy = service.update();
        boolean tooManyFailed = failed > 0 && (double) failed / all > policy.maxFailureRatio();
        if (done == all) {
            return new UpdateProgress(State.COMPLETED, all, done, changed, failed, "update completed");
        }
        if (tooManyFailed && policy.failureAction() != UpdatePolicy.FailureAction.CONTINUE) {
            boolean pause = policy.failureAction() == UpdatePolicy.FailureAction.PAUSE;
            String message = "update " + (pause ? "paused" : "rolled back") + " due to failure or early termination of task " + lastFailure;
            return new UpdateProgress(pause ? State.PAUSED : State.ROLLBACK_STARTED, all, done, changed, failed, message);
        }
        return new UpdateProgress(State.UPDATING, all, done, changed, failed, "update in progress");
    }

    private static boolean isFailure(Task task) {
        return task.state() == TaskState.FAILED && !task.isLost() || task.state() == TaskState.REJECTED;
    }

    /** No further slot may change: somebody has to look at it first. */
    public boolean isHalted() {
        return state == State.PAUSED || state == State.ROLLBACK_STARTED;
    }

    /** All done, but the last change is not old enough to be called a success. */
    public UpdateProgress stillWatched() {
        return new UpdateProgress(State.UPDATING, slots, done, changed, failed, "update in progress");
    }

    /** The same seen as a rollback, for whoever knows that the present spec is the previous one put back. */
    public UpdateProgress asRollback() {
        return switch (state) {
            case UPDATING -> new UpdateProgress(State.ROLLBACK_STARTED, slots, done, changed, failed, "rollback in progress");
            case COMPLETED -> new UpdateProgress(State.ROLLBACK_COMPLETED, slots, done, changed, failed, "rollback completed");
            case PAUSED, ROLLBACK_STARTED ->
                new UpdateProgress(State.ROLLBACK_PAUSED, slots, done, changed, failed, message.replaceFirst("^update (paused|rolled back)", "rollback paused"));
            case ROLLBACK_PAUSED, ROLLBACK_COMPLETED -> this;
        };
    }
}
