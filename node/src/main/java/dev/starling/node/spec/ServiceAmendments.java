package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.UpdateStage;
import java.util.Optional;

/**
 * Puts the scheduler's amendments into a service's document. They are made from that document and little else, so managers that amend it at
 * the same time write the same but for the time of completion.
 */
final class ServiceAmendments {
    private static final String PREVIOUS = "PreviousSpec";

    /** Empty where there is no previous spec to go back to, or the mode has no number of replicas. */
    static Optional<ObjectNode> amended(Document service, Amendment amendment, ClusterSnapshot snapshot, long wallMillis) {
        UpdateStatus status = UpdateStatus.of(service);
        boolean rollback = status.stage().isRollback();
        ObjectNode body = service.body().deepCopy();
        if (amendment instanceof Amendment.CompleteUpdate) {
            status.at(rollback ? UpdateStage.ROLLBACK_COMPLETED : UpdateStage.COMPLETED, wallMillis,
                    rollback ? "rollback completed" : "update completed").writeTo(body);
            return Optional.of(body);
        }
        if (amendment instanceof Amendment.PauseUpdate pause) {
            status.at(rollback ? UpdateStage.ROLLBACK_PAUSED : UpdateStage.PAUSED, 0, pause.message()).writeTo(body);
            return Optional.of(body);
        }
        if (amendment instanceof Amendment.RollBack back) {
            return rolledBack(service, body, status.at(UpdateStage.ROLLBACK_STARTED, 0, back.message()), snapshot);
        }
        if (amendment instanceof Amendment.Scale scale) {
            if (body.path("Spec").path("Mode").path("Replicated") instanceof ObjectNode replicated) {
                replicated.put("Replicas", scale.replicas());
                return Optional.of(body);
            }
            return Optional.empty();
        }
        throw new IllegalArgumentException("no such amendment: " + amendment);
    }

    /** As in Docker there is no previous spec afterwards: what failed is nothing to go back to. */
    private static Optional<ObjectNode> rolledBack(Document service, ObjectNode body, UpdateStatus status, ClusterSnapshot snapshot) {
        JsonNode previous = body.path(PREVIOUS);
        if (!previous.isObject()) {
            return Optional.empty();
        }
        body.set("Spec", previous);
        body.remove(PREVIOUS);
        body.put(ServiceSpecReader.ROLLED_BACK, true);
        status.writeTo(body);
        ServiceEndpoints.allocate(body, snapshot, service.uid());
        return Optional.of(body);
    }

    private ServiceAmendments() {}
}
