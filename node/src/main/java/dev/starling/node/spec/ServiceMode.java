package dev.starling.node.spec;

import static dev.starling.node.spec.JsonValues.count;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.List;

/**
 * {@code Spec.Mode} of a service: replicated, global, replicated-job, global-job. A job also has an iteration, which is no part of what clients
 * send: the API keeps it beside the spec ({@code JobStatus}) and raises it when {@code ForceUpdate} changes, as Docker does.
 */
public final class ServiceMode {
    public static final String JOB_STATUS = "JobStatus";
    private static final int MOST = 100_000;
    private static final List<String> MODES = List.of("Replicated", "Global", "ReplicatedJob", "GlobalJob");

    /** "replicated", "global", "replicated-job" or "global-job", as filters name it. */
    public static String name(JsonNode spec) {
        return switch (key(spec.path("Mode"))) {
            case "Global" -> "global";
            case "ReplicatedJob" -> "replicated-job";
            case "GlobalJob" -> "global-job";
            default -> "replicated";
        };
    }

    public static boolean isJob(JsonNode spec) {
        return name(spec).endsWith("-job");
    }

    private static String key(JsonNode mode) {
        return MODES.stream().filter(known -> mode.path(known).isObject()).findFirst().orElse("");
    }

    /** Checks a client's mode and writes Docker's defaults into it. */
    static void check(ObjectNode spec) {
        JsonNode mode = spec.path("Mode");
        if (MODES.stream().filter(known -> mode.path(known).isObject()).count() > 1) {
            throw invalid("Mode: must specify only one service mode");
        }
        switch (key(mode)) {
            case "Global", "GlobalJob" -> { }
            case "ReplicatedJob" -> {
                ObjectNode job = (ObjectNode) mode.path("ReplicatedJob");
                number(job, "TotalCompletions", 1, "Mode.ReplicatedJob.TotalCompletions");
                number(job, "MaxConcurrent", job.path("TotalCompletions").asInt(), "Mode.ReplicatedJob.MaxConcurrent");
            }
            default -> number(spec.withObjectProperty("Mode").withObjectProperty("Replicated"), "Replicas", 1, "Mode.Replicated.Replicas");
        }
        if (isJob(spec)) {
            for (String config : List.of("UpdateConfig", "RollbackConfig")) {
                if (spec.path(config).isObject()) {
                    throw invalid(config + ": jobs are not updated step by step: an update or rollback policy has no meaning for them");
                }
            }
            if (spec.path("TaskTemplate").path("RestartPolicy").path("Condition").asText().equals("any")) {
                throw invalid("TaskTemplate.RestartPolicy.Condition: a job ends when its tasks do; it may be \"on-failure\" or \"none\", not \"any\"");
            }
        }
    }

    private static void number(ObjectNode mode, String field, int absent, String path) {
        if (!mode.path(field).isNumber()) {
            mode.put(field, absent);
        }
        long value = mode.path(field).asLong();
        if (value < 0 || value > MOST) {
            throw invalid(path + ": must be 0 to " + MOST + ", got " + value);
        }
    }

    /** Never throws; a mode that is not understood runs nothing. */
    static ServiceSpec.Mode read(Document document) {
        JsonNode mode = document.spec().path("Mode");
        return switch (key(mode)) {
            case "Global" -> new ServiceSpec.Mode.Global();
            case "GlobalJob" -> new ServiceSpec.Mode.GlobalJob(iteration(document.body()));
            case "ReplicatedJob" -> {
                int completions = bounded(mode.path("ReplicatedJob").path("TotalCompletions"));
                yield new ServiceSpec.Mode.ReplicatedJob(completions, count(mode.path("ReplicatedJob").path("MaxConcurrent"), completions),
                        iteration(document.body()));
            }
            case "Replicated" -> new ServiceSpec.Mode.Replicated(bounded(mode.path("Replicated").path("Replicas")));
            default -> new ServiceSpec.Mode.Replicated(0);
        };
    }

    /** Every node keeps a place for each slot: a document of a later release, which may allow more, must not end this one. */
    private static int bounded(JsonNode number) {
        return Math.min(MOST, count(number, 1));
    }

    /** From 1. */
    public static long iteration(JsonNode body) {
        return Math.max(1, JsonValues.integer(body.path(JOB_STATUS).path("JobIteration").path("Index"), 1));
    }

    private static SpecException invalid(String message) {
        return SpecException.invalid("rpc error: code = InvalidArgument desc = " + message);
    }

    private ServiceMode() {}
}
