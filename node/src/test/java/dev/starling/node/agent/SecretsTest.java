package dev.starling.node.agent;

import static dev.starling.node.agent.SwarmOfLoopbackNodes.until;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.Sample;
import dev.starling.node.core.Document;
import dev.starling.runtime.ContainerFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Secrets among whole nodes on the loopback address: who gets them, who does not, and what is on the disks. */
@Timeout(300)
class SecretsTest {
    private static final String VALUE = "correct horse battery staple";
    private static final byte[] BYTES = VALUE.getBytes(StandardCharsets.UTF_8);

    @TempDir
    Path directory;
    private SwarmOfLoopbackNodes swarm;
    private LoopbackNode manager;
    private LoopbackNode worker;

    @BeforeEach
    void open() throws Exception {
        swarm = new SwarmOfLoopbackNodes(directory);
        manager = swarm.first();
        worker = swarm.joined("w1", manager, Role.WORKER);
        swarm.untilReady();
    }

    @AfterEach
    void close() {
        swarm.close();
    }

    private Document secret(String name) throws Exception {
        return manager.swarm.createSecret(Sample.json("{\"Name\": \"" + name + "\", \"Labels\": {}}"), BYTES).toCompletableFuture()
                .get(90, TimeUnit.SECONDS);
    }

    private Document serviceWith(Document secret, LoopbackNode on) throws Exception {
        ObjectNode body = Sample.json("""
                {"Spec": {"Name": "web", "Mode": {"Replicated": {"Replicas": 1}}, "TaskTemplate": {
                  "RestartPolicy": {"Delay": 100000000}, "Placement": {"Constraints": ["node.id==%s"]},
                  "ContainerSpec": {"Image": "busybox:latest", "Secrets": [{"SecretID": "%s", "SecretName": "db",
                    "File": {"Name": "db", "UID": "7", "GID": "8", "Mode": 256}}]}}}}
                """.formatted(on.id(), secret.uid()));
        return manager.swarm.create(Kind.SERVICE, body).toCompletableFuture().get(90, TimeUnit.SECONDS);
    }

    private static ContainerFile received(LoopbackNode node) {
        return node.containers.received.values().stream().findFirst().orElse(null);
    }

    private static void assertDelivered(LoopbackNode node) throws InterruptedException {
        until(() -> received(node) != null);
        ContainerFile file = received(node);
        assertArrayEquals(BYTES, file.content());
        assertEquals("/run/secrets/db 7 8 256", file.path() + " " + file.uid() + " " + file.gid() + " " + file.mode());
    }

    private byte[] asked(LoopbackNode by, String uid) throws Exception {
        return by.swarm.session().transport().request(manager.gossip, "secret", uid.getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(60))
                .get(90, TimeUnit.SECONDS);
    }

    /** Files below a node's directory that have the value in them, plain or as base 64. */
    private static List<Path> plaintextIn(Path directory) throws IOException {
        List<String> forms = List.of(VALUE, java.util.Base64.getEncoder().encodeToString(BYTES), "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZ");
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(Files::isRegularFile).filter(file -> {
                try {
                    String content = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
                    return forms.stream().anyMatch(content::contains);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }).toList();
        }
    }

    @Test
    void itReachesTheTaskAndNoDiskInPlain() throws Exception {
        Document secret = secret("db");
        serviceWith(secret, worker);
        assertDelivered(worker);
        assertTrue(Files.exists(worker.directory.resolve("swarm/secrets").resolve(secret.uid())), "held for an island");
        assertEquals(List.of(), plaintextIn(directory));
        assertFalse(manager.swarm.snapshot().document(Kind.SECRET, secret.uid()).body().toString().contains(VALUE));
        assertFalse(Files.exists(worker.directory.resolve("swarm/data-key.pem")), "the data key is the managers'");
        assertEquals(0, manager.metric("starling.secret.refusals"));
    }

    @Test
    void theLargestArrivesWhole() throws Exception {
        byte[] large = new byte[(500 << 10) - 1];
        new java.util.Random(7).nextBytes(large);
        Document secret = manager.swarm.createSecret(Sample.json("{\"Name\": \"large\"}"), large).toCompletableFuture().get(90, TimeUnit.SECONDS);
        serviceWith(secret, worker);
        until(() -> received(worker) != null);
        assertArrayEquals(large, received(worker).content());
    }

    @Test
    void aManagersOwnTaskGetsIt() throws Exception {
        serviceWith(secret("db"), manager);
        assertDelivered(manager);
        assertFalse(Files.exists(manager.directory.resolve("swarm/secrets")), "it can open it at any time");
    }

    @Test
    void aNodeWithoutATaskThatUsesItIsRefusedAndCounted() throws Exception {
        Document wanted = secret("wanted");
        serviceWith(secret("db"), worker);
        assertDelivered(worker);
        ExecutionException refusal = assertThrows(ExecutionException.class, () -> asked(worker, wanted.uid()));
        assertTrue(refusal.getMessage().contains("has no task that uses it"), refusal.getMessage());
        assertThrows(ExecutionException.class, () -> asked(worker, "../../etc/passwd"));
        assertThrows(ExecutionException.class, () -> asked(worker, "x".repeat(1_000)));
        assertEquals(3, manager.metric("starling.secret.refusals"));
    }

    @Test
    void onceTheServiceIsGoneTheNodeIsNotTold() throws Exception {
        Document secret = secret("db");
        Document service = serviceWith(secret, worker);
        assertDelivered(worker);
        assertArrayEquals(BYTES, asked(worker, secret.uid()));
        manager.swarm.delete(service.uid()).toCompletableFuture().get(90, TimeUnit.SECONDS);
        until(() -> manager.swarm.snapshot().document(Kind.SERVICE, service.uid()) == null);
        assertThrows(ExecutionException.class, () -> asked(worker, secret.uid()));
    }

    /** Power cut at a worker, and no manager in reach when it is back: its task starts with what it had. */
    @Test
    void anIslandStartsWhatItHadClaimed() throws Exception {
        serviceWith(secret("db"), worker);
        assertDelivered(worker);
        manager.stop();
        worker.stop();
        worker.containers.loseAll();
        worker.start();
        assertDelivered(worker);
        manager.start();
    }

    @Test
    void withoutAManagerATaskWaitsAndSaysWhatFor() throws Exception {
        Document secret = secret("db");
        serviceWith(secret, worker);
        assertDelivered(worker);
        manager.stop();
        worker.stop();
        worker.containers.loseAll();
        Files.delete(worker.directory.resolve("swarm/secrets").resolve(secret.uid()));
        worker.start();
        until(() -> worker.swarm.snapshot().view().tasks().get(worker.swarm.session().self()).stream()
                .anyMatch(task -> task.isActive() && task.error().equals("waiting for secret db: no manager in reach")));
        manager.start();
        assertDelivered(worker);
    }

    @Test
    void theDataKeyComesWithPromotionAndGoesWithDemotion() throws Exception {
        Document secret = secret("db");
        setRole("manager");
        until(() -> worker.swarm.session().role() == Role.MANAGER);
        assertTrue(worker.swarm.secretHolds(worker.swarm.snapshot().document(Kind.SECRET, secret.uid()), BYTES));
        assertFalse(worker.swarm.secretHolds(secret, new byte[] {1}));
        serviceWith(secret, worker);
        assertDelivered(worker);
        Path held = worker.directory.resolve("swarm/secrets").resolve(secret.uid());
        assertFalse(Files.exists(held), "a manager can open it at any time");
        setRole("worker");
        until(() -> worker.swarm.session().role() == Role.WORKER);
        assertFalse(Files.exists(worker.directory.resolve("swarm/data-key.pem")));
        until(() -> Files.exists(held));
    }

    private void setRole(String role) throws Exception {
        Document document = manager.swarm.snapshot().document(Kind.NODE, worker.id());
        ObjectNode body = document.body().deepCopy();
        body.withObject("/Spec").put("Role", role);
        manager.swarm.update(document.uid(), document.object().generation(), body).toCompletableFuture().get(90, TimeUnit.SECONDS);
    }
}
