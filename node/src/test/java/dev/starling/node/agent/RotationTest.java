package dev.starling.node.agent;

import static dev.starling.node.agent.SwarmOfLoopbackNodes.isUnder;
import static dev.starling.node.agent.SwarmOfLoopbackNodes.roots;
import static dev.starling.node.agent.SwarmOfLoopbackNodes.rotate;
import static dev.starling.node.agent.SwarmOfLoopbackNodes.sees;
import static dev.starling.node.agent.SwarmOfLoopbackNodes.update;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.node.api.ClusterControl;
import dev.starling.node.core.Document;
import dev.starling.node.swarm.ClusterDocument;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code docker swarm ca --rotate} with whole nodes: nothing is restarted, nobody is lost, and it ends. */
@Timeout(300)
class RotationTest {
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

    @Test
    void allNodesMoveAndNothingIsRestarted() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode second = swarm.joined("m2", first, Role.MANAGER);
        LoopbackNode worker = swarm.joined("w1", first, Role.WORKER);
        X509Certificate old = roots(first).newest();
        Document before = swarm.service(second, "before");
        swarm.untilAllHave(before);
        String token = first.swarm.joinToken(Role.WORKER);
        List<SwarmSession> sessions = swarm.nodes.stream().map(node -> node.swarm.session()).toList();
        List<String> ids = swarm.nodes.stream().map(LoopbackNode::id).toList();

        rotate(first);
        X509Certificate next = roots(first).newest();
        assertNotEquals(old, next);
        for (LoopbackNode node : swarm.nodes) {
            swarm.await("all have moved", () -> isUnder(node, next));
        }
        assertEquals(ids, swarm.nodes.stream().map(LoopbackNode::id).toList());
        for (int i = 0; i < sessions.size(); i++) {
            assertSame(sessions.get(i), swarm.nodes.get(i).swarm.session());
        }
        assertTrue(Files.exists(second.directory.resolve("swarm/ca-key.pem")));
        assertFalse(Files.exists(worker.directory.resolve("swarm/ca-key.pem")), "no CA key for a worker");

        swarm.await("the tokens are new", () -> !first.swarm.joinToken(Role.WORKER).equals(token)
                && first.swarm.joinToken(Role.WORKER).equals(second.swarm.joinToken(Role.WORKER)));
        LoopbackNode late = swarm.node("late");
        ExecutionException refused = assertThrows(ExecutionException.class, () -> late.swarm.join(new ClusterControl.Join("", "",
                List.of(first.join.toString()), token, "active")).toCompletableFuture().get(90, TimeUnit.SECONDS));
        // the listener shows its new chain a moment after the tokens are new: until then the token is what is wrong
        assertTrue(refused.getMessage().contains("fingerprint") || refused.getMessage().contains("valid join token"), refused.getMessage());
        swarm.await("it is let in", () -> SwarmOfLoopbackNodes.isLetIn(late, second, Role.WORKER));
        Document after = swarm.service(first, "after");
        swarm.untilAllHave(after);
        swarm.untilAllHave(before); // signed under the old root, read by one that has never trusted it
        assertEquals(0, late.metric("starling.desired.refused"));

        worker.stop(); // each finds itself as it was
        worker.start();
        second.stop();
        second.start();
        swarm.await("they are back", () -> sees(first, worker) && sees(worker, second) && sees(second, first));
        assertTrue(isUnder(second, next) && isUnder(worker, next));
        swarm.untilAllHave(swarm.service(second, "again"));
    }

    @Test
    void aNodeThatWasAwayComesBackUnderTheOldRootAndEndsTheWait() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode worker = swarm.joined("w1", first, Role.WORKER);
        LoopbackNode other = swarm.joined("w2", first, Role.WORKER);
        worker.stop();
        rotate(first);
        X509Certificate next = roots(first).newest();
        swarm.await("the others have moved", () -> first.swarm.session().credentials().ca().equals(next) && other.swarm.session().credentials().ca().equals(next));
        Thread.sleep(300); // nothing tells that it does not end
        assertEquals(2, roots(first).trusted().size(), "it waits for the one that is away");
        swarm.joined("late", first, Role.WORKER); // with a token of the old root
        worker.start();
        for (LoopbackNode node : swarm.nodes) {
            swarm.await("all have moved", () -> isUnder(node, next));
        }
    }

    @Test
    void aNodeThatIsRemovedIsNotWaitedFor() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode worker = swarm.joined("w1", first, Role.WORKER);
        worker.stop();
        rotate(first);
        X509Certificate next = roots(first).newest();
        swarm.await("it is down", () -> !sees(first, worker));
        first.swarm.removeNode(worker.swarm.session().self(), true).toCompletableFuture().get(90, TimeUnit.SECONDS);
        swarm.await("it ends", () -> isUnder(first, next));
    }

    /** Each rotates while it cannot hear of the other, as in two partitions; both roots and all nodes survive the meeting. */
    @Test
    void twoSidesThatBothRotatedBecomeOneAgain() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode second = swarm.joined("m2", first, Role.MANAGER);
        second.stop();
        rotate(first);
        Document here = swarm.service(first, "here");
        first.stop();
        second.start();
        rotate(second);
        rotate(second);
        X509Certificate latest = roots(second).newest();
        Document there = swarm.service(second, "there");
        assertEquals(3, roots(second).trusted().size());
        first.start();
        for (LoopbackNode node : swarm.nodes) {
            swarm.await("both are under the newest root", () -> isUnder(node, latest));
        }
        swarm.untilAllHave(here);
        swarm.untilAllHave(there);
        assertEquals(first.swarm.joinToken(Role.MANAGER), second.swarm.joinToken(Role.MANAGER));
    }

    @Test
    void anOperatorsOwnRoot() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode worker = swarm.joined("w1", first, Role.WORKER);
        ClusterAuthority own = ClusterAuthority.create("their-own");
        update(first, false, spec -> spec.withObjectProperty("CAConfig").put("SigningCACert", own.certificatePem()).put("SigningCAKey", own.keyPem()));
        swarm.await("they have moved", () -> isUnder(first, own.certificate()) && isUnder(worker, own.certificate()));
        String settings = ClusterDocument.of(worker.swarm.snapshot()).body().toString();
        assertFalse(settings.contains("PRIVATE KEY") || settings.contains("SigningCA"), "the key is in no document");
        swarm.joined("w2", first, Role.WORKER);
        ExecutionException mismatch = assertThrows(ExecutionException.class, () -> update(first, false, spec -> spec.withObjectProperty("CAConfig")
                .put("SigningCACert", ClusterAuthority.create("x").certificatePem()).put("SigningCAKey", own.keyPem())));
        assertTrue(mismatch.getMessage().contains("do not belong together"), mismatch.getMessage());
    }

    @Test
    void certificatesLastAsLongAsTheSettingsSay() throws Exception {
        LoopbackNode first = swarm.first();
        update(first, false, spec -> spec.withObjectProperty("CAConfig").put("NodeCertExpiry", 7_200_000_000_000L));
        LoopbackNode worker = swarm.joined("w1", first, Role.WORKER);
        assertTrue(worker.swarm.session().credentials().identity().validUntil().isBefore(java.time.Instant.now().plusSeconds(7_300)));
        ExecutionException tooShort = assertThrows(ExecutionException.class,
                () -> update(first, false, spec -> spec.withObjectProperty("CAConfig").put("NodeCertExpiry", 1_000_000_000L)));
        assertTrue(tooShort.getMessage().contains("1h0m0s"), tooShort.getMessage());
    }
}
