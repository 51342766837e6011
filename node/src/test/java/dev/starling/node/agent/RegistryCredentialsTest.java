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
import dev.starling.node.spec.PullCredentials;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Credentials that came with a service, among whole nodes: the node that has its task pulls with them, no other gets them, no disk has them in plain. */
@Timeout(300)
class RegistryCredentialsTest {
    private static final String PASSWORD = BusyboxOnly.ALLOWED.password();
    private static final byte[] HEADER = header(PASSWORD);

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

    private static byte[] header(String password) {
        return Base64.getUrlEncoder().encode(("{\"username\":\"edge\",\"password\":\"" + password + "\"}").getBytes(StandardCharsets.UTF_8));
    }

    private static Document done(CompletionStage<Document> write) throws Exception {
        return write.toCompletableFuture().get(90, TimeUnit.SECONDS);
    }

    private static ObjectNode body(String name, LoopbackNode on, int replicas) {
        return Sample.json("""
                {"Spec": {"Name": "%s", "Mode": {"Replicated": {"Replicas": %d}}, "TaskTemplate": {
                  "RestartPolicy": {"Delay": 100000000}, "Placement": {"Constraints": ["node.id==%s"]},
                  "ContainerSpec": {"Image": "%s"}}}}
                """.formatted(name, replicas, on.id(), BusyboxOnly.PRIVATE));
    }

    private byte[] asked(LoopbackNode by, String uid) throws Exception {
        return by.swarm.session().transport().request(manager.gossip, "secret", uid.getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(60))
                .get(90, TimeUnit.SECONDS);
    }

    private List<Path> plaintext() throws IOException {
        String encoded = new String(HEADER, StandardCharsets.US_ASCII);
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(Files::isRegularFile).filter(file -> {
                try {
                    String content = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
                    return content.contains(PASSWORD) || content.contains(encoded.substring(0, 40));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }).toList();
        }
    }

    private boolean runsOn(LoopbackNode node) {
        return node.containers.calls.stream().anyMatch(call -> call.startsWith("start app."));
    }

    @Test
    void theNodeWithTheTaskPullsWithThemAndNoDiskHasThemInPlain() throws Exception {
        Document service = done(manager.swarm.createService(body("app", worker, 1), HEADER));
        until(() -> runsOn(worker));
        assertEquals(List.of("edge"), worker.images.pulledAs);
        assertEquals(List.of(), plaintext());
        assertFalse(manager.swarm.snapshot().document(Kind.SERVICE, service.uid()).body().toString().contains(PASSWORD));
        assertFalse(service.spec().toString().contains("Credentials"), "who reads the spec does not see them");
        assertTrue(Files.exists(worker.directory.resolve("swarm/secrets").resolve(PullCredentials.name(service))), "held for an island");
        assertEquals(0, manager.metric("starling.secret.refusals"));
    }

    @Test
    void aManagersOwnTaskPullsWithThem() throws Exception {
        done(manager.swarm.createService(body("app", manager, 1), HEADER));
        until(() -> runsOn(manager));
        assertEquals(List.of("edge"), manager.images.pulledAs);
        assertFalse(Files.exists(manager.directory.resolve("swarm/secrets")));
    }

    @Test
    void aNodeWithoutATaskIsRefusedAndCounted() throws Exception {
        Document service = done(manager.swarm.createService(body("app", manager, 1), HEADER));
        until(() -> runsOn(manager));
        ExecutionException refusal = assertThrows(ExecutionException.class, () -> asked(worker, PullCredentials.name(service)));
        assertTrue(refusal.getMessage().contains("has no task that uses it"), refusal.getMessage());
        assertEquals(1, manager.metric("starling.secret.refusals"));
    }

    @Test
    void theyGoWithTheService() throws Exception {
        Document service = done(manager.swarm.createService(body("app", worker, 1), HEADER));
        until(() -> runsOn(worker));
        assertArrayEquals(HEADER, asked(worker, PullCredentials.name(service)));
        manager.swarm.delete(service.uid()).toCompletableFuture().get(90, TimeUnit.SECONDS);
        until(() -> manager.swarm.snapshot().document(Kind.SERVICE, service.uid()) == null);
        assertThrows(ExecutionException.class, () -> asked(worker, PullCredentials.name(service)));
    }

    @Test
    void anUpdateKeepsThemAndNewOnesReplaceThem() throws Exception {
        Document service = done(manager.swarm.createService(body("app", worker, 0), header("wrong")));
        Document scaled = done(manager.swarm.update(service.uid(), 1, body("app", worker, 1)));
        assertEquals(PullCredentials.sealed(service), PullCredentials.sealed(scaled));
        until(() -> worker.swarm.snapshot().view().tasks().getOrDefault(worker.swarm.session().self(), List.of()).stream()
                .anyMatch(task -> task.error().contains("pull access denied")));
        assertEquals("edge", worker.images.pulledAs.get(0), "with those that came at first");
        ObjectNode forced = body("app", worker, 1);
        ((ObjectNode) forced.at("/Spec/TaskTemplate")).put("ForceUpdate", 1); // the slot would be tried again by itself, after a while
        done(manager.swarm.updateService(service.uid(), 2, forced, HEADER));
        until(() -> runsOn(worker));
    }

    /** A service without credentials is pulled without, also where another one came with some. */
    @Test
    void othersPullWithoutThem() throws Exception {
        done(manager.swarm.createService(body("app", manager, 1), HEADER));
        done(manager.swarm.create(Kind.SERVICE, body("other", worker, 1)));
        until(() -> !worker.images.pulledAs.isEmpty());
        assertEquals("nobody", worker.images.pulledAs.get(0));
    }
}
