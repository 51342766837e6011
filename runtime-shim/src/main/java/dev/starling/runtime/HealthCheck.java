package dev.starling.runtime;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.ArrayList;
import java.util.List;

/**
 * How to find out whether a container is well: a command that is run in it every now and then.
 *
 * @param test                empty: as the image says; {@code ["NONE"]}: not at all; {@code ["CMD", program, ..]}; {@code ["CMD-SHELL", line]}
 * @param intervalMillis      between the end of one probe and the next; 0, here and below, as the image says, then Docker's default
 * @param timeoutMillis       after which a probe is killed and has failed
 * @param startPeriodMillis   after the container's start, in which failures do not count
 * @param startIntervalMillis the interval in that period
 * @param retries             failures in a row that make it unhealthy
 */
public record HealthCheck(
        List<String> test, long intervalMillis, long timeoutMillis, long startPeriodMillis, long startIntervalMillis, int retries) {
    public static final HealthCheck INHERIT = new HealthCheck(List.of(), 0, 0, 0, 0, 0);

    private static final long DEFAULT_MILLIS = 30_000;
    private static final long DEFAULT_START_INTERVAL_MILLIS = 5_000;
    private static final int DEFAULT_RETRIES = 3;

    /** This one, completed by the image's and then by Docker's defaults. */
    public HealthCheck over(HealthCheck image) {
        return new HealthCheck(
                test.isEmpty() ? image.test : test, first(intervalMillis, image.intervalMillis, DEFAULT_MILLIS),
                first(timeoutMillis, image.timeoutMillis, DEFAULT_MILLIS), first(startPeriodMillis, image.startPeriodMillis, 0),
                first(startIntervalMillis, image.startIntervalMillis, DEFAULT_START_INTERVAL_MILLIS),
                (int) first(retries, image.retries, DEFAULT_RETRIES));
    }

    private static long first(long own, long image, long otherwise) {
        return own > 0 ? own : image > 0 ? image : otherwise;
    }

    /** @throws RuntimeShimException INVALID where the test is none that Docker knows */
    public void check() {
        if (test.isEmpty()) {
            return;
        }
        String kind = test.get(0);
        boolean known = kind.equals("NONE") && test.size() == 1 || kind.equals("CMD") && test.size() > 1 || kind.equals("CMD-SHELL") && test.size() == 2;
        if (!known) {
            throw RuntimeShimException.invalid("Unknown healthcheck type '" + String.join(" ", test) + "' (expected 'CMD', 'CMD-SHELL' or 'NONE')");
        }
    }

    @JsonIgnore
    public boolean isSet() {
        return !test.isEmpty() && !test.get(0).equals("NONE");
    }

    /** What to run in the container, of one that {@link #isSet}. */
    public List<String> command() {
        List<String> command = new ArrayList<>(test.get(0).equals("CMD-SHELL") ? List.of("/bin/sh", "-c") : List.of());
        command.addAll(test.subList(1, test.size()));
        return command;
    }
}
