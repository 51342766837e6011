package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.UpdatePolicy;
import dev.starling.scheduler.model.UpdateStage;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Where an update stands by a service's document, and what amendments make of that. */
class UpdateStatusTest {
    private static ObjectNode spec(String image, int replicas) {
        return Specs.json("""
                {"Name": "web", "Mode": {"Replicated": {"Replicas": %d}}, "TaskTemplate": {"ContainerSpec": {"Image": "%s"}},
                 "UpdateConfig": {"Parallelism": 2, "FailureAction": "rollback"}, "RollbackConfig": {"Parallelism": 3, "FailureAction": "rollback"}}
                """.formatted(replicas, image));
    }

    private static ObjectNode body(ObjectNode spec, ObjectNode previous) {
        ObjectNode body = Specs.json("{}");
        body.set("Spec", spec);
        if (previous != null) {
            body.set("PreviousSpec", previous);
        }
        return body;
    }

    private static Document document(JsonNode body) {
        return Specs.document(Kind.SERVICE, "svc", body);
    }

    private static Document updated() {
        return document(body(spec("busybox:2", 3), spec("busybox:1", 3)));
    }

    private static Document amended(Document service, Amendment amendment) {
        return document(ServiceAmendments.amended(service, amendment, Specs.snapshot(List.of(service), List.of()), 7_000).orElseThrow());
    }

    @Test
    void aNewServiceAndAScaleAreNoUpdateAndAnotherTemplateIs() {
        assertEquals(UpdateStage.NONE, UpdateStatus.of(document(body(spec("busybox:1", 3), null))).stage());
        assertEquals(UpdateStage.NONE, UpdateStatus.of(document(body(spec("busybox:1", 3), spec("busybox:1", 1)))).stage());
        assertEquals(new UpdateStatus(UpdateStage.UPDATING, 1_000, 0, "update in progress"), UpdateStatus.of(updated()));
        ObjectNode rolledBack = body(spec("busybox:1", 3), spec("busybox:2", 3)).put(ServiceSpecReader.ROLLED_BACK, true);
        assertEquals(new UpdateStatus(UpdateStage.ROLLBACK_STARTED, 1_000, 0, "manually requested rollback"), UpdateStatus.of(document(rolledBack)));
    }

    @Test
    void anUpdateIsCompleted() {
        Document done = amended(updated(), new Amendment.CompleteUpdate());
        assertEquals(new UpdateStatus(UpdateStage.COMPLETED, 1_000, 7_000, "update completed"), UpdateStatus.of(done));
        assertEquals("busybox:1", done.body().path("PreviousSpec").path("TaskTemplate").path("ContainerSpec").path("Image").asText());
    }

    @Test
    void aFailedUpdateIsRolledBackOnceAndAFailedRollbackPaused() {
        ServiceSpec before = ServiceSpecReader.fromBody(updated());
        assertEquals(UpdatePolicy.FailureAction.ROLLBACK, before.update().failureAction());
        Document back = amended(updated(), new Amendment.RollBack("update rolled back due to failure or early termination of task t1"));
        ServiceSpec spec = ServiceSpecReader.fromBody(back);
        assertEquals("busybox:1", spec.image());
        assertEquals(UpdateStage.ROLLBACK_STARTED, spec.stage());
        assertEquals(3, spec.update().parallelism(), "by the RollbackConfig");
        assertEquals(UpdatePolicy.FailureAction.PAUSE, spec.update().failureAction());
        assertEquals("update rolled back due to failure or early termination of task t1", UpdateStatus.of(back).message());
        assertFalse(back.body().has("PreviousSpec"), "as in Docker");
        assertEquals(Optional.empty(), ServiceAmendments.amended(back, new Amendment.RollBack("again"), Specs.snapshot(List.of(back), List.of()), 1));
        assertEquals(UpdateStage.ROLLBACK_PAUSED, UpdateStatus.of(amended(back, new Amendment.PauseUpdate("rollback paused"))).stage());
        assertEquals(new UpdateStatus(UpdateStage.ROLLBACK_COMPLETED, 1_000, 7_000, "rollback completed"),
                UpdateStatus.of(amended(back, new Amendment.CompleteUpdate())));
    }

    @Test
    void writingAPausedServiceAgainResumesItsUpdateAndACompletedOneStaysDone() {
        Document paused = amended(updated(), new Amendment.PauseUpdate("update paused due to failure or early termination of task t1"));
        ObjectNode again = body(spec("busybox:2", 5), spec("busybox:2", 3));
        UpdateStatus.updated(again, paused);
        assertEquals(UpdateStage.UPDATING, UpdateStatus.of(document(again)).stage());
        assertEquals(UpdatePolicy.FailureAction.PAUSE, ServiceSpecReader.fromBody(document(again)).update().failureAction(), "the spec before is as bad");
        ObjectNode scaled = body(spec("busybox:2", 5), spec("busybox:2", 3));
        UpdateStatus.updated(scaled, amended(updated(), new Amendment.CompleteUpdate()));
        assertEquals(UpdateStage.NONE, UpdateStatus.of(document(scaled)).stage());
    }

    @Test
    void theLoadChangesTheNumberAndNothingElse() {
        Document scaled = amended(updated(), new Amendment.Scale(9, "load"));
        assertEquals(body(spec("busybox:2", 9), spec("busybox:1", 3)), scaled.body());
        ObjectNode global = spec("busybox:2", 1);
        global.putObject("Mode").putObject("Global");
        Document ofAll = document(body(global, null));
        assertEquals(Optional.empty(), ServiceAmendments.amended(ofAll, new Amendment.Scale(9, ""), Specs.snapshot(List.of(ofAll), List.of()), 1));
    }

    @Test
    void aStateOfALaterReleaseIsNone() {
        ObjectNode body = body(spec("busybox:2", 3), spec("busybox:1", 3));
        body.putObject("UpdateStatus").put("State", "hovering");
        assertEquals(UpdateStage.NONE, UpdateStatus.of(document(body)).stage());
        assertTrue(UpdateStatus.of(document(body)).message().isEmpty());
    }
}
