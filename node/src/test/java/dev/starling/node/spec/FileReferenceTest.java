package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.Sample;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What services say of secrets and configs, and who uses which. */
final class FileReferenceTest {
    private static final String REFERENCE = "{\"%1$sID\": \"%2$s\", \"%1$sName\": \"%2$s-name\", \"File\": {\"Name\": \"%3$s\", \"UID\": \"5\", \"GID\": \"6\", \"Mode\": 288}}";

    private static ObjectNode service(String secrets, String configs) {
        return Sample.json("""
                {"Spec": {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "busybox", "Secrets": [%s], "Configs": [%s]}},
                 "Mode": {"Replicated": {"Replicas": 1}}}}""".formatted(secrets, configs));
    }

    @ParameterizedTest
    @CsvSource({"SECRET, db, /run/secrets/db", "SECRET, sub/db, /run/secrets/sub/db", "SECRET, /etc/db, /etc/db", "SECRET, ../db, /run/db",
        "CONFIG, app.conf, /app.conf", "CONFIG, etc/app.conf, /etc/app.conf", "CONFIG, /etc/./app.conf, /etc/app.conf", "CONFIG, ../../x, /x"})
    void targetsAreWhereDockerHasThem(Kind kind, String name, String path) {
        assertEquals(path, FileReference.path(kind, name));
    }

    @Test
    void everythingIsRead() {
        ObjectNode body = service(REFERENCE.formatted("Secret", "s1", "db"), REFERENCE.formatted("Config", "c1", "/etc/c"));
        assertEquals(List.of(new FileReference(Kind.SECRET, "s1", "s1-name", "/run/secrets/db", 5, 6, 0440),
                new FileReference(Kind.CONFIG, "c1", "c1-name", "/etc/c", 5, 6, 0440)), FileReference.of(TaskTemplate.of(body.path("Spec"))));
        ObjectNode strange = service("{\"SecretID\": 5, \"File\": {\"Name\": [], \"UID\": \"x\", \"Mode\": -1}}, 7", "null");
        assertEquals(3, FileReference.of(TaskTemplate.of(strange.path("Spec"))).size(), "a document of a newer release never fails");
    }

    /** Each line: may node 1 be told of secret s1 when its task is in this state and made of this template? */
    @ParameterizedTest
    @CsvSource({"ASSIGNED, current, true", "PREPARING, current, true", "RUNNING, current, true", "FAILED, current, false", "SHUTDOWN, current, false",
        "RUNNING, previous, false", "RUNNING, forgotten, false"})
    void aNodeUsesTheSecretsOfItsActiveTasksTemplates(TaskState state, String template, boolean expected) {
        ObjectNode body = service(REFERENCE.formatted("Secret", "s1", "db"), "");
        body.set("PreviousSpec", service("", "").path("Spec"));
        String hash = switch (template) {
            case "current" -> TaskTemplate.of(body.path("Spec")).hash();
            case "previous" -> TaskTemplate.of(body.path("PreviousSpec")).hash();
            default -> "forgotten";
        };
        Task task = Sample.task("t1", Slot.replica("web", 1), Sample.N1, state, java.util.Map.of());
        Task made = new Task(task.id(), task.slot(), task.node(), 1, hash, task.image(), state, TaskState.RUNNING, task.claimed(), 0, 0, 0, 1, 1, "",
                "", -1, "", 0, task.addresses());
        ClusterSnapshot snapshot = new Sample.Cluster().node(Sample.N1, "192.0.2.1", true).has(Kind.SERVICE, "web", body).runs(made).snapshot();
        assertEquals(expected ? Set.of("s1") : Set.of(), FileReference.secretsInUse(snapshot, Sample.N1));
        assertEquals(Set.of(), FileReference.secretsInUse(snapshot, Sample.N2));
    }

    @Test
    void aClaimOfAServiceThatMustNotRunThereCountsForNothing() {
        ObjectNode body = service(REFERENCE.formatted("Secret", "s1", "db"), "");
        body.withObject("/Spec/TaskTemplate/Placement").putArray("Constraints").add("node.labels.safe==yes");
        Task task = Sample.task("t1", Slot.replica("web", 1), Sample.N1, TaskState.RUNNING, java.util.Map.of());
        Task made = new Task(task.id(), task.slot(), task.node(), 1, TaskTemplate.of(body.path("Spec")).hash(), task.image(), TaskState.RUNNING,
                TaskState.RUNNING, task.claimed(), 0, 0, 0, 1, 1, "", "", -1, "", 0, task.addresses());
        ClusterSnapshot snapshot = new Sample.Cluster().node(Sample.N1, "192.0.2.1", true).has(Kind.SERVICE, "web", body).runs(made).snapshot();
        assertEquals(Set.of(), FileReference.secretsInUse(snapshot, Sample.N1));
    }

    @Test
    void usersAreFoundByTheirPresentSpec() {
        ObjectNode body = service("", REFERENCE.formatted("Config", "c1", "/etc/c"));
        body.set("PreviousSpec", service(REFERENCE.formatted("Secret", "s1", "db"), "").path("Spec"));
        ClusterSnapshot snapshot = new Sample.Cluster().has(Kind.SERVICE, "web", body).snapshot();
        assertEquals(1, FileReference.users("c1", snapshot).size());
        assertEquals(0, FileReference.users("s1", snapshot).size());
    }

    @Test
    void twoFilesAtOnePlaceAreRefused() {
        ObjectNode body = service(REFERENCE.formatted("Secret", "s1", "/etc/x"), REFERENCE.formatted("Config", "c1", "etc/x"));
        ClusterSnapshot snapshot = new Sample.Cluster().has(Kind.SECRET, "s1", Sample.json("{}")).has(Kind.CONFIG, "c1", Sample.json("{}")).snapshot();
        SpecException refusal = assertThrows(SpecException.class, () -> FileReferenceCheck.check(TaskTemplate.of(body.path("Spec")), snapshot));
        assertTrue(refusal.getMessage().contains("'s1-name' and 'c1-name' have a conflicting target: '/etc/x'"), refusal.getMessage());
    }

    @Test
    void whatIsMissingIsNamed() {
        ObjectNode body = service(REFERENCE.formatted("Secret", "s1", "a") + "," + REFERENCE.formatted("Secret", "s2", "b"), "");
        SpecException refusal = assertThrows(SpecException.class,
                () -> FileReferenceCheck.check(TaskTemplate.of(body.path("Spec")), new Sample.Cluster().snapshot()));
        assertTrue(refusal.getMessage().endsWith("secrets not found: s1-name, s2-name"), refusal.getMessage());
    }
}
