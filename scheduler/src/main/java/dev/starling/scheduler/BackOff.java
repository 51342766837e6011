package dev.starling.scheduler;

import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;

/**
 * How long a slot rests before its next task. The first restart comes after the service's restart delay. A task that fails again soon after it
 * was restarted doubles the rest, up to {@link #LONGEST_MILLIS} (or the delay itself, where that is longer), so that a container which cannot
 * work does not wear out a small machine's disk and battery. A run of {@link #GOOD_RUN_MILLIS}, or a container that ends with 0, begins
 * anew. What was rested last is read from the task that failed, so it holds over a restart of the agent too.
 */
final class BackOff {
    static final long LONGEST_MILLIS = 300_000;
    static final long GOOD_RUN_MILLIS = 60_000;
    private static final long LEAST_MILLIS = 1_000;
    private static final int MOST_DOUBLINGS = 20;

    private BackOff() {}

    static long after(Task ended, RestartPolicy policy, Time now) {
        long delay = policy.delayMillis();
        if (ended.state() != TaskState.FAILED || ended.isLost() || ended.attempt() == 0 || ranWell(ended, now)) {
            return delay;
        }
        long doubled = Math.max(LEAST_MILLIS, 2 * Math.max(delay, rested(ended)));
        return Math.max(delay, Math.min(LONGEST_MILLIS, doubled));
    }

    /**
     * How long a slot rests that every suitable node has rejected (no such image): each try after the first round doubles the rest. The image's arrival at
     * a node ends it there.
     *
     * @param attempt of the task that would be next
     * @param nodes   that have rejected it
     */
    static long afterRejections(int attempt, int nodes, RestartPolicy policy) {
        int tries = Math.max(0, Math.min(MOST_DOUBLINGS, attempt - nodes));
        return Math.max(policy.delayMillis(), Math.min(LONGEST_MILLIS, Math.max(LEAST_MILLIS, policy.delayMillis()) << tries));
    }

    /** How long an update rests whose task did not start beside the old one, whatever the restart policy: each try doubles it. */
    static long afterTry(Task failed, RestartPolicy policy) {
        return Math.max(policy.delayMillis(), Math.min(LONGEST_MILLIS, Math.max(LEAST_MILLIS, 2 * rested(failed))));
    }

    private static long rested(Task ended) {
        return ended.notBefore() == 0 ? 0 : ended.notBefore() - ended.createdMillis();
    }

    private static boolean ranWell(Task ended, Time now) {
        long end = Math.min(ended.changedMillis(), now.wallMillis());
        return end - Math.max(ended.createdMillis(), ended.notBefore()) >= GOOD_RUN_MILLIS;
    }

    /** For the error of the task that rests; empty where it rests no longer than the service asked for. */
    static String reason(Task ended, RestartPolicy policy, long restMillis, int attempt) {
        if (restMillis <= policy.delayMillis()) {
            return "";
        }
        return "crash loop: restart " + attempt + " waits " + restMillis / 1_000 + " s; last: "
                + (ended.error().isEmpty() ? ended.message() : ended.error());
    }
}
