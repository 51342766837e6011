package dev.starling.scheduler.model;

/** {@code --update-*} or {@code --rollback-*}: {@code parallelism} 0 means all at once. */
public record UpdatePolicy(
        int parallelism, long delayMillis, FailureAction failureAction, long monitorMillis, double maxFailureRatio, Order order) {
    public enum FailureAction { PAUSE, CONTINUE, ROLLBACK }

    public enum Order { STOP_FIRST, START_FIRST }

    /** The same for an update that has nothing to go back to: one that fails is paused. */
    public UpdatePolicy withoutRollback() {
        return new UpdatePolicy(parallelism, delayMillis, FailureAction.PAUSE, monitorMillis, maxFailureRatio, order);
    }

    public static final UpdatePolicy DEFAULT = new UpdatePolicy(1, 0, FailureAction.PAUSE, 5_000, 0, Order.STOP_FIRST);
}
