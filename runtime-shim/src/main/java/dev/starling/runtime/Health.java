package dev.starling.runtime;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * What the probes of a container say, by Docker's rule:
 *
 * <pre>
 *   STARTING   a success: HEALTHY    failures in the start period do not count    {@code retries} others in a row: UNHEALTHY
 *   HEALTHY    {@code retries} failures in a row: UNHEALTHY
 *   UNHEALTHY  a success: HEALTHY
 * </pre>
 *
 * @param failingStreak failures in a row that count
 * @param log           the last probes, oldest first
 */
public record Health(Status status, int failingStreak, List<Result> log) {
    /** NONE: there is no check. */
    public enum Status { NONE, STARTING, HEALTHY, UNHEALTHY }

    /** @param exitCode 0 is well; -1 where the probe could not be run or took too long. {@code output} its beginning, or what went wrong */
    public record Result(Instant start, Instant end, int exitCode, String output) {}

    public static final Health NONE = new Health(Status.NONE, 0, List.of());
    public static final Health STARTING = new Health(Status.STARTING, 0, List.of());

    private static final int KEPT_RESULTS = 5;

    /** @param startedAt of the container */
    public Health after(Result result, HealthCheck check, Instant startedAt) {
        List<Result> results = new ArrayList<>(log);
        results.add(result);
        if (results.size() > KEPT_RESULTS) {
            results.remove(0);
        }
        if (result.exitCode == 0) {
            return new Health(Status.HEALTHY, 0, List.copyOf(results));
        }
        if (isStarting(check, startedAt, result.start)) {
            return new Health(status, failingStreak, List.copyOf(results));
        }
        int streak = failingStreak + 1;
        return new Health(streak >= check.retries() ? Status.UNHEALTHY : status, streak, List.copyOf(results));
    }

    /** How long to wait for the next probe. */
    public Duration untilNext(HealthCheck check, Instant startedAt, Instant now) {
        return Duration.ofMillis(isStarting(check, startedAt, now) ? check.startIntervalMillis() : check.intervalMillis());
    }

    private boolean isStarting(HealthCheck check, Instant startedAt, Instant at) {
        return status == Status.STARTING && Duration.between(startedAt, at).toMillis() < check.startPeriodMillis();
    }
}
