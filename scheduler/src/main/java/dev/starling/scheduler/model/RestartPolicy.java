package dev.starling.scheduler.model;

/** {@code --restart-*}: {@code maxAttempts} 0 means no limit, {@code windowMillis} 0 means all attempts count. */
public record RestartPolicy(Condition condition, long delayMillis, int maxAttempts, long windowMillis) {
    public enum Condition { NONE, ON_FAILURE, ANY }

    public static final RestartPolicy DEFAULT = new RestartPolicy(Condition.ANY, 5_000, 0, 0);

    /** Whether there is a limit, and only the attempts of the last while count against it. */
    public boolean countsInWindow() {
        return maxAttempts > 0 && windowMillis > 0;
    }
}
