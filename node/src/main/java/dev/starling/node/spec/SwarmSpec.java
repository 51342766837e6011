package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.scheduler.model.View;

/** What of Docker's swarm spec the planner goes by. */
public final class SwarmSpec {
    /** Ended tasks of a slot are in the records of their nodes, which every node holds. */
    private static final int MAX_TASK_HISTORY = 100;

    /** How many ended tasks are kept of each slot ({@code docker swarm update --task-history-limit}). */
    static int taskHistoryLimit(JsonNode spec) {
        JsonNode limit = limit(spec);
        return limit.isIntegralNumber() ? (int) Math.max(0, Math.min(MAX_TASK_HISTORY, limit.asLong())) : View.DEFAULT_TASK_HISTORY_LIMIT;
    }

    /** @throws SpecException where the limit is none that can be kept */
    public static void check(JsonNode spec) {
        long limit = limit(spec).asLong(0);
        if (limit < 0 || limit > MAX_TASK_HISTORY) {
            throw SpecException.invalid("Orchestration.TaskHistoryRetentionLimit (--task-history-limit): expected 0 to " + MAX_TASK_HISTORY + ", got " + limit
                    + ": every node holds the history of all");
        }
    }

    private static JsonNode limit(JsonNode spec) {
        return spec.path("Orchestration").path("TaskHistoryRetentionLimit");
    }

    private SwarmSpec() {}
}
