package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.UpdateStage;
import java.util.Arrays;
import java.util.Locale;

/**
 * Docker's {@code UpdateStatus} of a service. It begins with an operator's write and needs no word in the document then: one with another template
 * than before is an update, one by {@code docker service rollback} a rollback. How it goes on stands beside the spec, written by the managers'
 * schedulers:
 *
 * <pre>
 * "UpdateStatus": {"State": "paused", "StartedMillis": ..., "CompletedMillis": ..., "Message": "update paused due to ..."}
 * </pre>
 *
 * @param startedMillis   wall clock of the manager that took the write
 * @param completedMillis 0 while it goes on, and where it was paused
 * @param message         in Docker's words
 */
public record UpdateStatus(UpdateStage stage, long startedMillis, long completedMillis, String message) {
    private static final String KEY = "UpdateStatus";

    /** Stage NONE for a service that was never updated, or only scaled. */
    public static UpdateStatus of(Document service) {
        JsonNode written = service.body().path(KEY);
        long writtenMillis = service.object().time().wallMillis();
        if (written.isObject()) {
            return new UpdateStatus(stage(written.path("State").asText("")), JsonValues.integer(written.path("StartedMillis"), writtenMillis),
                    JsonValues.integer(written.path("CompletedMillis"), 0), written.path("Message").asText(""));
        }
        JsonNode previous = service.body().path("PreviousSpec");
        if (!previous.isObject() || ServiceMode.isJob(service.spec())) {
            return new UpdateStatus(UpdateStage.NONE, 0, 0, "");
        }
        if (ServiceSpecReader.isRolledBack(service)) {
            return new UpdateStatus(UpdateStage.ROLLBACK_STARTED, writtenMillis, 0, "manually requested rollback");
        }
        boolean another = !TaskTemplate.of(previous).hash().equals(TaskTemplate.of(service.spec()).hash());
        return another ? new UpdateStatus(UpdateStage.UPDATING, writtenMillis, 0, "update in progress") : new UpdateStatus(UpdateStage.NONE, 0, 0, "");
    }

    /** A state of a later release: nothing that this one would act on. */
    private static UpdateStage stage(String written) {
        return Arrays.stream(UpdateStage.values()).filter(stage -> stage.name().equalsIgnoreCase(written)).findFirst().orElse(UpdateStage.NONE);
    }

    /**
     * Completes the document of a service that is written while an update of it has not come to its end: the write resumes one that was paused, and what
     * failed before it no longer counts.
     */
    public static void updated(ObjectNode body, Document before) {
        UpdateStage stage = of(before).stage();
        boolean sameTemplate = TaskTemplate.of(body.path("Spec")).hash().equals(TaskTemplate.of(before.spec()).hash());
        if (sameTemplate && (stage.isUnderWay() || stage.isPaused())) {
            body.putObject(KEY).put("State", UpdateStage.UPDATING.name().toLowerCase(Locale.ROOT)).put("Message", "update in progress");
        }
    }

    UpdateStatus at(UpdateStage next, long completed, String words) {
        return new UpdateStatus(next, startedMillis, completed, words);
    }

    void writeTo(ObjectNode body) {
        ObjectNode json = body.putObject(KEY).put("State", stageName()).put("StartedMillis", startedMillis);
        if (completedMillis > 0) {
            json.put("CompletedMillis", completedMillis);
        }
        json.put("Message", message);
    }

    /** As Docker writes it. */
    public String stageName() {
        return stage.name().toLowerCase(Locale.ROOT);
    }
}
