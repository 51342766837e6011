package dev.starling.node.agent;

import static dev.starling.node.agent.SwarmOfLoopbackNodes.sees;
import static dev.starling.node.agent.SwarmOfLoopbackNodes.setRole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.node.swarm.SwarmDirectory;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Nodes whose clock is wrong, and nodes that were off for longer than their certificate lasts. */
@Timeout(300)
class WrongClockTest {
    private static final Duration THREE_YEARS = Duration.ofDays(3 * 365);

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

    private static InstantSource off(Duration by) {
        return () -> Instant.now().plus(by);
    }

    private static final InstantSource NO_BATTERY = new InstantSource() {
        private final long started = System.nanoTime();

        @Override
        public Instant instant() {
            return Instant.EPOCH.plusNanos(System.nanoTime() - started);
        }
    };

    private static Duration error(LoopbackNode node) {
        return Duration.between(node.swarm.session().trust().clock().instant(), Instant.now()).abs();
    }

    private void joinsAndComesBack(InstantSource wall, Role role) throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode node = swarm.node("n2");
        node.wall = wall;
        node.join(first, role);
        swarm.await("they see each other", () -> sees(first, node) && sees(node, first));
        assertTrue(error(node).compareTo(Duration.ofHours(1)) < 0, "it knows the time: " + error(node));
        swarm.await("it is enrolled", () -> node.swarm.snapshot().document(Kind.NODE, node.id()) != null);
        if (role == Role.MANAGER) {
            swarm.untilAllHave(swarm.service(node, "web")); // signed at a time that the others believe
        }
        node.stop();
        node.start();
        swarm.await("it is back", () -> sees(first, node) && sees(node, first));
        assertTrue(error(node).compareTo(Duration.ofHours(1)) < 0, "it knows the time: " + error(node));
    }

    @Test
    void aWorkerThatStandsIn1970() throws Exception {
        joinsAndComesBack(NO_BATTERY, Role.WORKER);
    }

    @Test
    void aManagerThatStandsIn1970() throws Exception {
        joinsAndComesBack(NO_BATTERY, Role.MANAGER);
    }

    @Test
    void aWorkerThatIsThreeYearsAhead() throws Exception {
        joinsAndComesBack(off(THREE_YEARS), Role.WORKER);
    }

    @Test
    void aManagerThatIsThreeYearsAhead() throws Exception {
        joinsAndComesBack(off(THREE_YEARS), Role.MANAGER);
    }

    /** Ahead, and by less than its certificate lasts: only what it was told says so. Another role is another session, not another life. */
    @Test
    void whoIsPromotedKnowsTheTimeAsBefore() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode node = swarm.node("n2");
        node.wall = off(Duration.ofDays(30));
        node.join(first, Role.WORKER);
        swarm.await("they see each other", () -> sees(first, node) && sees(node, first) && first.swarm.snapshot().document(Kind.NODE, node.id()) != null);
        assertTrue(error(node).compareTo(Duration.ofHours(1)) < 0, "it knows the time: " + error(node));
        setRole(first, node, "manager");
        swarm.await("it is a manager", () -> node.swarm.session().role() == Role.MANAGER);
        assertTrue(error(node).compareTo(Duration.ofHours(1)) < 0, "it knows the time: " + error(node));
    }

    private static void expire(LoopbackNode node, ClusterAuthority authority, Instant end) {
        node.stop();
        SwarmDirectory disk = new SwarmDirectory(node.directory);
        SwarmDirectory.Identity now = disk.load();
        disk.renew(new SwarmDirectory.Identity(now.credentials().renewed(ClusterAuthority.pem(authority.issue(now.credentials().certificateRequest(),
                now.credentials().role(), end))), now.authorities(), now.dataKey(), now.advertise()));
        disk.saveKnownTime(end.minus(Duration.ofDays(1)));
    }

    /** Off for a hundred days: nobody lets it in with what it has, but at the join port its key is enough. */
    @Test
    void aWorkerComesBackAfterItsCertificateHasEnded() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode worker = swarm.joined("w1", first, Role.WORKER);
        String id = worker.id();
        worker.joinAddresses = List.of(first.join);
        expire(worker, first.swarm.session().authority(), Instant.now().minus(Duration.ofDays(10)));
        worker.start();
        swarm.await("it is back", () -> sees(first, worker) && sees(worker, first)
                && worker.swarm.session().credentials().identity().validUntil().isAfter(Instant.now().plus(Duration.ofDays(80))));
        assertEquals(id, worker.id());
        assertTrue(first.metric("starling.transport.refused.handshakes") > 0, "with the old one it was refused");
    }

    @Test
    void aManagerComesBackAfterItsCertificateHasEnded() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode second = swarm.joined("m2", first, Role.MANAGER);
        second.joinAddresses = List.of(first.join);
        expire(second, first.swarm.session().authority(), Instant.now().minus(Duration.ofDays(10)));
        second.start();
        swarm.await("it is back", () -> sees(first, second) && sees(second, first)
                && second.swarm.session().credentials().identity().validUntil().isAfter(Instant.now()));
        swarm.untilAllHave(swarm.service(second, "web"));
    }

    @Test
    void oneThatWasRemovedMeanwhileDoesNot() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode worker = swarm.joined("w1", first, Role.WORKER);
        worker.joinAddresses = List.of(first.join);
        expire(worker, first.swarm.session().authority(), Instant.now().minus(Duration.ofDays(10)));
        first.swarm.removeNode(worker.swarm.session().self(), true).toCompletableFuture().get(90, TimeUnit.SECONDS);
        double refused = first.metric("starling.certificate.refusals");
        worker.start();
        swarm.await("it was refused", () -> first.metric("starling.certificate.refusals") > refused
                && worker.metric("starling.certificate.renewal.failures") > 0);
        NodeCredentials still = worker.swarm.session().credentials();
        assertTrue(still.identity().validUntil().isBefore(Instant.now()));
        swarm.await("nobody sees it", () -> !sees(first, worker));
    }

    /** A site that was closed for half a year: all clocks are right, and all certificates have ended. */
    @Test
    void allNodesWereOffForLongerThanTheirCertificatesLast() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode worker = closedForHalfAYear(first);
        first.start();
        worker.start();
        theyAreBack(first, worker);
    }

    @Test
    void theWorkerIsSwitchedOnAfterTheManagerHasHelpedItself() throws Exception {
        LoopbackNode first = swarm.first();
        LoopbackNode worker = closedForHalfAYear(first);
        first.start();
        swarm.await("the manager has a certificate that is good", () -> isGood(first));
        assertTrue(first.swarm.session().trust().clock().inDoubt(), "nobody could say that its clock is right");
        worker.start();
        theyAreBack(first, worker);
    }

    /** Both are stopped afterwards. */
    private LoopbackNode closedForHalfAYear(LoopbackNode first) throws Exception {
        LoopbackNode worker = swarm.joined("w1", first, Role.WORKER);
        ClusterAuthority authority = first.swarm.session().authority();
        expire(worker, authority, Instant.now().minus(Duration.ofDays(90)));
        expire(first, authority, Instant.now().minus(Duration.ofDays(85)));
        worker.joinAddresses = List.of(first.join);
        return worker;
    }

    private static boolean isGood(LoopbackNode node) {
        return node.swarm.session().credentials().identity().validUntil().isAfter(Instant.now().plus(Duration.ofDays(80)));
    }

    /** Each has shown the other that its clock is right, so that certificates last, and nobody asks for the next one after seconds. */
    private void theyAreBack(LoopbackNode first, LoopbackNode worker) throws Exception {
        swarm.await("they have certificates that are good", () -> isGood(first) && isGood(worker));
        swarm.await("nobody is in doubt", () -> swarm.nodes.stream().noneMatch(node -> node.swarm.session().trust().clock().inDoubt()));
        swarm.await("they see each other", () -> sees(first, worker) && sees(worker, first));
        for (LoopbackNode node : swarm.nodes) {
            assertTrue(error(node).compareTo(Duration.ofHours(1)) < 0, "it knows the time: " + error(node));
        }
    }
}
