package dev.starling.node.agent;

import static dev.starling.node.agent.SwarmOfLoopbackNodes.autolock;
import static dev.starling.node.agent.SwarmOfLoopbackNodes.sees;
import static dev.starling.node.agent.SwarmOfLoopbackNodes.update;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Role;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.Sample;
import dev.starling.node.api.ApiException;
import dev.starling.node.api.ClusterControl;
import dev.starling.node.swarm.Autolock;
import dev.starling.node.swarm.ClusterDocument;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Autolock with whole nodes: what is on the disk, what a restarted manager does and refuses, and how it comes back. */
@Timeout(300)
class AutolockTest {
    @TempDir
    Path directory;
    private SwarmOfLoopbackNodes swarm;

    @BeforeEach
    void make() {
        swarm = new SwarmOfLoopbackNodes(directory);
    }

    @AfterEach
    void close() {
        swarm.close();
    }

    private static boolean isSealed(LoopbackNode node) {
        try {
            return Files.exists(node.directory.resolve("swarm/vault.lock"))
                    && !Files.readString(node.directory.resolve("swarm/node.key")).contains("BEGIN PRIVATE KEY")
                    && !Files.readString(node.directory.resolve("swarm/ca-key.pem")).contains("BEGIN PRIVATE KEY");
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static ApiException refusal(CompletionStage<?> stage) {
        ExecutionException failure = assertThrows(ExecutionException.class, () -> stage.toCompletableFuture().get(90, TimeUnit.SECONDS));
        return (ApiException) failure.getCause();
    }

    private static void unlock(LoopbackNode node, String key) throws Exception {
        node.swarm.unlock(key).toCompletableFuture().get(90, TimeUnit.SECONDS);
    }

    @Test
    void aRestartedManagerIsLockedUntilItIsToldTheKey() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode second = swarm.joined("m2", first, Role.MANAGER);
        LoopbackNode worker = swarm.joined("w1", first, Role.WORKER);
        assertEquals("", first.swarm.unlockKey());
        assertEquals(409, refusal(first.swarm.unlock("SWMKEY-1-x")).status());
        autolock(first, true);
        String key = first.swarm.unlockKey();
        assertTrue(key.startsWith("SWMKEY-1-"), key);
        assertTrue(isSealed(first));
        swarm.await("the other manager has the key", () -> isSealed(second) && knows(second, key));
        assertFalse(Files.exists(worker.directory.resolve("swarm/vault.lock")), "a worker does not lock itself");
        assertFalse(ClusterDocument.of(worker.swarm.snapshot()).body().toString().contains(key.substring(9)));
        String id = first.id();

        first.stop();
        first.start();
        assertTrue(first.swarm.isLocked() && first.swarm.isInSwarm());
        assertNull(first.swarm.snapshot());
        for (CompletionStage<?> refused : new CompletionStage<?>[] {first.swarm.create(dev.starling.gossip.desired.Kind.SERVICE,
                Sample.serviceBody("web", 0)), first.swarm.init(new ClusterControl.Init("", "", Sample.json("{}")))}) {
            ApiException locked = refusal(refused);
            assertEquals(503, locked.status());
            assertTrue(locked.getMessage().startsWith("Swarm is encrypted and needs to be unlocked"), locked.getMessage());
        }
        assertTrue(refusal(first.swarm.leave(false)).getMessage().contains("encrypted and locked"));
        ApiException wrong = refusal(first.swarm.unlock(UnlockKey.generate().text()));
        assertEquals(400, wrong.status());
        assertTrue(wrong.getMessage().contains("invalid key"), wrong.getMessage());
        assertTrue(first.swarm.isLocked());
        unlock(first, key);
        swarm.await("it is back", () -> sees(first, second) && sees(second, first));
        assertEquals(id, first.id());
        swarm.untilAllHave(swarm.service(first, "web"));
    }

    @Test
    void theKeyIsRotatedWhileOneManagerIsOff() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode second = swarm.joined("m2", first, Role.MANAGER);
        autolock(first, true);
        String old = first.swarm.unlockKey();
        swarm.await("the other manager has the key", () -> isSealed(second) && knows(second, old));
        second.stop();
        update(first, true, spec -> { });
        String rotated = first.swarm.unlockKey();
        assertNotEquals(old, rotated);
        second.start();
        refusal(second.swarm.unlock(rotated)); // it has not heard of it
        unlock(second, old);
        swarm.await("it has the new key", () -> sees(second, first) && knows(second, rotated));
        second.stop();
        second.start();
        refusal(second.swarm.unlock(old));
        unlock(second, rotated);

        autolock(second, false);
        swarm.await("neither is sealed", () -> !isSealed(first) && !isSealed(second));
        first.stop();
        first.start();
        swarm.await("it needs no key", () -> !first.swarm.isLocked() && first.swarm.snapshot() != null && sees(first, second));
        assertEquals("", first.swarm.unlockKey());
    }

    /** The address is in use, say: the next unlock tries again, and nothing else may take the identity for one that is not there. */
    @Test
    void anUnlockThatDoesNotLeadIntoTheSwarmIsTriedAgain() throws Exception {
        LoopbackNode first = swarm.first();
        autolock(first, true);
        String key = first.swarm.unlockKey();
        String id = first.id();
        first.stop();
        first.start();
        try (ServerSocket taken = new ServerSocket(first.gossip.port(), 1, InetAddress.getLoopbackAddress())) {
            ApiException inUse = refusal(first.swarm.unlock(key));
            assertTrue(inUse.getMessage().contains("is in use"), () -> inUse.getMessage() + " while it is: " + taken);
            assertTrue(first.swarm.isLocked());
            assertEquals(503, refusal(first.swarm.init(new ClusterControl.Init("", "", Sample.json("{}")))).status());
        }
        unlock(first, key);
        assertEquals(id, first.id());
    }

    /** The settings name a key, and power is lost before the disk is sealed with it: nobody was shown the key, so nobody must need it. */
    @Test
    void aKeyThatWasLostBeforeAnyDiskWasSealedWithItIsMadeAnew() throws Exception {
        LoopbackNode first = swarm.first();
        Path inTheWay = Files.createDirectories(first.directory.resolve("swarm/vault.lock.new/in the way"));
        assertThrows(ExecutionException.class, () -> autolock(first, true));
        first.stop();
        Files.delete(inTheWay);
        Files.delete(inTheWay.getParent());
        first.start();
        assertFalse(first.swarm.isLocked());
        swarm.await("it has heard of its settings", () -> ClusterDocument.unlockKeyDigest(first.swarm.snapshot()) != null);
        ApiException unknown = assertThrows(ApiException.class, () -> first.swarm.unlockKey());
        assertTrue(unknown.getMessage().contains("docker swarm unlock-key --rotate"), unknown.getMessage());
        update(first, true, spec -> { });
        String key = first.swarm.unlockKey();
        assertTrue(isSealed(first));
        first.stop();
        first.start();
        unlock(first, key);
    }

    private static boolean knows(LoopbackNode node, String key) {
        try {
            return node.swarm.unlockKey().equals(key);
        } catch (ApiException notYet) {
            return false;
        }
    }

    @Test
    void managersComeAndGoInALockedSwarm() throws Exception {
        LoopbackNode first = swarm.node("m1");
        first.swarm.init(new ClusterControl.Init("", "", Sample.json("{\"EncryptionConfig\": {\"AutoLockManagers\": true}}")))
                .toCompletableFuture().get(90, TimeUnit.SECONDS);
        assertTrue(isSealed(first));
        LoopbackNode second = swarm.joined("m2", first, Role.MANAGER);
        assertTrue(isSealed(second));
        assertEquals(first.swarm.unlockKey(), second.swarm.unlockKey());
        SwarmOfLoopbackNodes.rotate(second);
        var next = SwarmOfLoopbackNodes.roots(second).newest();
        swarm.await("the CA is rotated", () -> SwarmOfLoopbackNodes.isUnder(first, next) && SwarmOfLoopbackNodes.isUnder(second, next));
        assertTrue(isSealed(first) && isSealed(second), "the new CA's key is sealed too");

        SwarmOfLoopbackNodes.setRole(first, second, "worker");
        swarm.await("a worker is not sealed", () -> second.swarm.session().role() == Role.WORKER && !Files.exists(second.directory.resolve("swarm/vault.lock")));
        second.stop();
        second.start();
        swarm.await("and needs no key", () -> second.swarm.snapshot() != null && sees(second, first));
        SwarmOfLoopbackNodes.setRole(first, second, "manager");
        swarm.await("a manager is", () -> second.swarm.session().role() == Role.MANAGER && isSealed(second));

        first.stop();
        first.start();
        first.swarm.leave(true).toCompletableFuture().get(90, TimeUnit.SECONDS);
        assertFalse(first.swarm.isLocked() || first.swarm.isInSwarm());
        first.init();
        assertEquals("", first.swarm.unlockKey());
    }
}
