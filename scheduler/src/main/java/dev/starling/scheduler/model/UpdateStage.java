package dev.starling.scheduler.model;

/**
 * Where a service's last update stands by its document: Docker's {@code UpdateStatus.State}. Between UPDATING (or ROLLBACK_STARTED) and an end
 * the truth is in the tasks ({@code UpdateProgress}); a manager that sees the end there writes it down, so that what fails a week later is no
 * failure of the update any more.
 */
public enum UpdateStage {
    /** Never updated, or by a write that left its tasks as they were. */
    NONE, UPDATING, PAUSED, COMPLETED, ROLLBACK_STARTED, ROLLBACK_PAUSED, ROLLBACK_COMPLETED;

    /** Its tasks have not yet decided how it ends. */
    public boolean isUnderWay() {
        return this == UPDATING || this == ROLLBACK_STARTED;
    }

    public boolean isPaused() {
        return this == PAUSED || this == ROLLBACK_PAUSED;
    }

    public boolean isCompleted() {
        return this == COMPLETED || this == ROLLBACK_COMPLETED;
    }

    public boolean isRollback() {
        return this == ROLLBACK_STARTED || this == ROLLBACK_PAUSED || this == ROLLBACK_COMPLETED;
    }
}
