package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.scheduler.model.AutoscalePolicy;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The service labels {@code starling.autoscale.*}.
 *
 * <pre>
 *   starling.autoscale.max      = 8     switches it on
 *   starling.autoscale.min      = 2     1 where it is not given
 *   starling.autoscale.cpu      = 60    percent of --limit-cpu, else of --reserve-cpu, else of one CPU, that a task shall use
 *   starling.autoscale.memory   = 80    percent of --limit-memory, else of --reserve-memory
 *   starling.autoscale.cooldown = 60s   fewer only after so long, more after a quarter of it
 * </pre>
 */
final class AutoscaleLabels {
    static final String PREFIX = "starling.autoscale.";
    private static final String MIN = PREFIX + "min";
    private static final String MAX = PREFIX + "max";
    private static final String CPU = PREFIX + "cpu";
    private static final String MEMORY = PREFIX + "memory";
    private static final String COOLDOWN = PREFIX + "cooldown";

    private static final int MOST_REPLICAS = 100_000;
    private static final int MOST_PERCENT = 1_000;
    private static final long STANDARD_COOLDOWN_MILLIS = Duration.ofMinutes(1).toMillis();
    private static final long LONGEST_COOLDOWN_MILLIS = Duration.ofDays(1).toMillis();
    private static final long ONE_CPU = 1_000_000_000L;
    private static final Pattern DURATION = Pattern.compile("([0-9]{1,8})(s|m|h)");
    private static final Map<String, Long> UNIT_MILLIS = Map.of("s", 1_000L, "m", 60_000L, "h", 3_600_000L);

    static boolean isKnown(String label) {
        return label.equals(MIN) || label.equals(MAX) || label.equals(CPU) || label.equals(MEMORY) || label.equals(COOLDOWN);
    }

    /** As far as it is understood; OFF for what another release wrote and this one does not. */
    static AutoscalePolicy read(JsonNode spec) {
        try {
            return parse(spec);
        } catch (SpecException notUnderstood) {
            return AutoscalePolicy.OFF;
        }
    }

    /** @throws SpecException INVALID with the label that is wrong */
    static AutoscalePolicy parse(JsonNode spec) {
        JsonNode labels = spec.path("Labels");
        boolean any = false;
        for (String label : new String[] {MIN, MAX, CPU, MEMORY, COOLDOWN}) {
            any |= labels.has(label);
        }
        if (!any) {
            return AutoscalePolicy.OFF;
        }
        if (!ServiceMode.name(spec).equals("replicated")) {
            throw invalid(MAX, "only a replicated service has a number of replicas");
        }
        if (!labels.has(MAX)) {
            throw invalid(MAX, "is missing: the most replicas that the load may ask for");
        }
        int max = number(labels, MAX, 0, MOST_REPLICAS);
        int min = number(labels, MIN, 1, MOST_REPLICAS);
        if (min > max) {
            throw invalid(MIN, "is " + min + ", more than " + MAX + ", which is " + max);
        }
        int cpu = number(labels, CPU, 0, MOST_PERCENT);
        int memory = number(labels, MEMORY, 0, MOST_PERCENT);
        if (cpu == 0 && memory == 0) {
            throw invalid(CPU, "is missing, and so is " + MEMORY + ": one of them says which load is wanted");
        }
        JsonNode resources = spec.path("TaskTemplate").path("Resources");
        long memoryPerTask = perTask(resources, "MemoryBytes", 0);
        if (memory > 0 && memoryPerTask == 0) {
            throw invalid(MEMORY, "is a share of --limit-memory or --reserve-memory, and the service has neither");
        }
        return new AutoscalePolicy(min, max, cpu, memory, perTask(resources, "NanoCPUs", ONE_CPU), memoryPerTask, cooldown(labels));
    }

    private static long perTask(JsonNode resources, String field, long otherwise) {
        long limit = JsonValues.integer(resources.path("Limits").path(field), 0);
        long reserved = JsonValues.integer(resources.path("Reservations").path(field), 0);
        return limit > 0 ? limit : reserved > 0 ? reserved : otherwise;
    }

    private static int number(JsonNode labels, String label, int absent, int most) {
        String text = labels.path(label).asText("");
        if (!labels.has(label)) {
            return absent;
        }
        if (!text.matches("[0-9]{1,6}") || Integer.parseInt(text) < 1 || Integer.parseInt(text) > most) {
            throw invalid(label, "must be a number from 1 to " + most + ", got \"" + text + "\"");
        }
        return Integer.parseInt(text);
    }

    private static long cooldown(JsonNode labels) {
        if (!labels.has(COOLDOWN)) {
            return STANDARD_COOLDOWN_MILLIS;
        }
        String text = labels.path(COOLDOWN).asText("");
        Matcher duration = DURATION.matcher(text);
        long millis = duration.matches() ? Long.parseLong(duration.group(1)) * UNIT_MILLIS.get(duration.group(2)) : 0;
        if (millis < 1_000 || millis > LONGEST_COOLDOWN_MILLIS) {
            throw invalid(COOLDOWN, "must be a time from 1s to 24h with its unit (s, m, h), got \"" + text + "\"");
        }
        return millis;
    }

    private static SpecException invalid(String label, String problem) {
        return SpecException.invalid("rpc error: code = InvalidArgument desc = label " + label + ": " + problem);
    }

    private AutoscaleLabels() {}
}
