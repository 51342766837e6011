package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Role;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.UpdatePolicy;
import dev.starling.scheduler.model.UpdatePolicy.FailureAction;
import dev.starling.scheduler.model.UpdatePolicy.Order;
import dev.starling.scheduler.model.UpdateStage;
import dev.starling.scheduler.rollout.UpdateProgress;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** How updates end, with no one who leads them: completed, paused, rolled back; and that all nodes come to the same. */
class UpdateVerdictTest {
    private static final long MONITOR_MILLIS = 5_000;

    private static Given.Service web(int replicas, FailureAction action) {
        return web(replicas, action, 0, MONITOR_MILLIS);
    }

    private static Given.Service web(int replicas, FailureAction action, double ratio, long monitorMillis) {
        return Given.service("web", replicas).update(new UpdatePolicy(1, 0, action, monitorMillis, ratio, Order.STOP_FIRST));
    }

    private static Cluster running(Given.Service service, int nodes, long seed) {
        Cluster cluster = new Cluster(nodes, seed, 0, 100);
        cluster.deploy(service);
        cluster.runToRest();
        return cluster;
    }

    private static boolean allSee(Cluster cluster, UpdateStage stage) {
        return cluster.hosts.stream().filter(host -> host.alive).allMatch(host -> cluster.service(cluster.hosts.indexOf(host) + 1, "web").stage() == stage);
    }

    /** How many run the template before the update. */
    private static long old(Cluster cluster) {
        return cluster.running("web").stream().filter(task -> task.templateHash().equals("hash1")).count();
    }

    private static boolean allRun(Cluster cluster, String hash, int replicas) {
        return cluster.eachSlotOnce("web", replicas) && cluster.running("web").stream().allMatch(task -> task.templateHash().equals(hash));
    }

    @Test
    void anUpdateIsCompletedOnceAllHaveRunForTheMonitorTimeAndOneManagerWritesSo() {
        Given.Service web = web(6, FailureAction.ROLLBACK);
        Cluster cluster = running(web, 3, 1);
        cluster.deploy(web.image("app:2").stage(UpdateStage.UPDATING));
        cluster.runUntil("updated", 60_000, () -> allRun(cluster, "hash2", 6));
        long watched = cluster.runUntil("completed", 60_000, () -> allSee(cluster, UpdateStage.COMPLETED));
        assertTrue(watched >= MONITOR_MILLIS - 200 && watched < MONITOR_MILLIS + 1_000, "watched " + watched);
        assertEquals(1, cluster.amendments.size(), cluster.amendments::toString);
    }

    @Test
    void whatCannotBeStartedIsRolledBackAndTheRestKeepsRunning() {
        for (String bad : new String[] {"missing:2", "crash:2"}) {
            Given.Service web = web(6, FailureAction.ROLLBACK);
            Cluster cluster = running(web, 3, 2);
            int most = bad.startsWith("missing") ? 1 : 2; // one that has started lets the next begin, as in Docker, until it fails
            cluster.invariant = c -> Cluster.check(old(c) >= 6 - most, "more than " + most + " in change\n" + c.describe());
            cluster.deploy(web.image(bad).stage(UpdateStage.UPDATING));
            cluster.runUntil("rolled back", 60_000, () -> allSee(cluster, UpdateStage.ROLLBACK_COMPLETED));
            cluster.runToRest();
            assertTrue(allRun(cluster, "hash1", 6), cluster::describe);
            assertTrue(cluster.amendments.get(0) instanceof Amendment.RollBack back
                    && back.message().startsWith("update rolled back due to failure or early termination of task "), cluster.amendments::toString);
            assertEquals(2, cluster.amendments.size(), cluster.amendments::toString);
        }
    }

    @Test
    void aRollbackThatFailsTooIsPausedAndNotRolledBack() {
        Given.Service web = web(3, FailureAction.ROLLBACK);
        Cluster cluster = running(web, 3, 3);
        cluster.deploy(web.image("crash:2").stage(UpdateStage.ROLLBACK_STARTED));
        cluster.runUntil("paused", 60_000, () -> allSee(cluster, UpdateStage.ROLLBACK_PAUSED));
        assertTrue(cluster.amendments.get(0) instanceof Amendment.PauseUpdate pause
                && pause.message().startsWith("rollback paused due to failure or early termination of task "), cluster.amendments::toString);
        cluster.run(30_000);
        assertTrue(allSee(cluster, UpdateStage.ROLLBACK_PAUSED) && cluster.amendments.size() == 1, cluster.amendments::toString);
    }

    @Test
    void aPausedUpdateStaysPausedUntilTheServiceIsWrittenAgain() {
        Given.Service web = web(4, FailureAction.PAUSE);
        Cluster cluster = running(web, 2, 4);
        cluster.deploy(web.image("missing:2").stage(UpdateStage.UPDATING));
        cluster.runUntil("paused", 60_000, () -> allSee(cluster, UpdateStage.PAUSED));
        cluster.run(120_000); // long enough for what failed first to leave the history
        assertEquals(3, old(cluster), cluster::describe);
        cluster.deploy(web.image("app:3"));
        cluster.runUntil("completed", 60_000, () -> allSee(cluster, UpdateStage.COMPLETED));
        assertTrue(allRun(cluster, "hash3", 4), cluster::describe);
    }

    @Test
    void failuresWithinTheRatioAreBorne() {
        Given.Service web = web(4, FailureAction.PAUSE, 0.5, MONITOR_MILLIS);
        Cluster cluster = running(web, 2, 5);
        cluster.deploy(web.image("crash:2").stage(UpdateStage.UPDATING));
        cluster.runUntil("paused", 60_000, () -> allSee(cluster, UpdateStage.PAUSED));
        UpdateProgress progress = UpdateProgress.of(cluster.host(1).view(), cluster.service(1, "web"));
        assertEquals(3, progress.failed(), "2 of 4 are within 0.5, 3 are not: " + progress);
        assertTrue(progress.changed() >= 3, progress::toString);
    }

    @Test
    void whatEndsAfterTheMonitorTimeIsNoFailureOfTheUpdate() {
        Given.Service web = web(3, FailureAction.ROLLBACK, 0, 100); // "crash" runs for half a second
        Cluster cluster = running(web, 3, 6);
        cluster.deploy(web.image("crash:2").stage(UpdateStage.UPDATING));
        cluster.run(30_000);
        assertEquals("hash2", cluster.service(1, "web").templateHash(), cluster.amendments::toString);
    }

    @Test
    void whatFailsOnceTheUpdateIsCompletedChangesNothing() {
        Given.Service web = web(4, FailureAction.ROLLBACK);
        Cluster cluster = running(web, 2, 7);
        cluster.deploy(web.image("app:2").stage(UpdateStage.UPDATING));
        cluster.runUntil("completed", 60_000, () -> allSee(cluster, UpdateStage.COMPLETED));
        for (int round = 0; round < 3; round++) {
            for (Task task : cluster.running("web")) {
                cluster.hosts.stream().filter(host -> host.id.equals(task.node())).forEach(host -> host.containers.kill(task.id(), cluster.now));
            }
            cluster.runUntil("restarted", 60_000, () -> allRun(cluster, "hash2", 4));
        }
        assertTrue(allSee(cluster, UpdateStage.COMPLETED), cluster::describe);
        assertEquals(1, cluster.amendments.size(), cluster.amendments::toString);
    }

    @Test
    void workersHaltAloneAndTheVerdictComesWithAManager() {
        Given.Service web = web(4, FailureAction.ROLLBACK);
        Cluster cluster = new Cluster(3, 8, 0, 100, SchedulerConfig.defaults(), node -> role(node, Role.WORKER));
        cluster.deploy(web);
        cluster.runToRest();
        cluster.deploy(web.image("missing:2").stage(UpdateStage.UPDATING));
        cluster.run(20_000);
        assertEquals(3, old(cluster), cluster::describe);
        assertTrue(cluster.amendments.isEmpty(), cluster.amendments::toString);
        cluster.change(3, node -> role(node, Role.MANAGER));
        cluster.runUntil("rolled back", 60_000, () -> allSee(cluster, UpdateStage.ROLLBACK_COMPLETED));
        assertTrue(allRun(cluster, "hash1", 4), cluster::describe);
    }

    private static NodeView role(NodeView node, Role role) {
        return new NodeView(node.id(), node.hostname(), node.address(), role, node.ready(), node.availability(), node.labels(),
                node.engineLabels(), node.platform(), node.capacity(), node.images(), node.obstacles(), node.conditions());
    }

    @Test
    void anOperatorsWriteBehindAPartitionPrevailsOverTheRollbackOnTheOtherSide() {
        Given.Service web = web(6, FailureAction.ROLLBACK);
        Cluster cluster = running(web, 4, 9);
        cluster.deploy(web.image("crash:2").stage(UpdateStage.UPDATING));
        cluster.run(300);
        cluster.cutAfter(2);
        cluster.deployAt(1, web.image("app:3")); // the operator mends it on one side
        cluster.runUntil("the other side has rolled back", 60_000, () -> cluster.service(4, "web").stage() == UpdateStage.ROLLBACK_COMPLETED);
        assertEquals("hash1", cluster.service(4, "web").templateHash());
        cluster.heal();
        cluster.runUntil("completed", 120_000, () -> allSee(cluster, UpdateStage.COMPLETED));
        cluster.runUntil("updated", 60_000, () -> allRun(cluster, "hash3", 6));
    }

    @Test
    void allComeToTheSameWhateverTheNetworkAndThePowerDo() {
        for (int seed = 0; seed < 30; seed++) {
            Random random = new Random(seed);
            Given.Service web = web(5, FailureAction.ROLLBACK);
            Cluster cluster = new Cluster(4, seed, 0, 600);
            cluster.deploy(web);
            cluster.runToRest();
            cluster.deploy(web.image(random.nextBoolean() ? "crash:2" : "missing:2").stage(UpdateStage.UPDATING));
            cluster.run(random.nextInt(3_000));
            int victim = 1 + random.nextInt(4);
            if (random.nextBoolean()) {
                cluster.cutAfter(1 + random.nextInt(3));
            } else {
                cluster.powerCut(victim);
            }
            cluster.run(random.nextInt(20_000));
            cluster.heal();
            if (!cluster.host(victim).alive) {
                cluster.powerOn(victim);
            }
            cluster.runUntil("rolled back, seed " + seed, 240_000, () -> allSee(cluster, UpdateStage.ROLLBACK_COMPLETED) && allRun(cluster, "hash1", 5));
            assertTrue(cluster.amendments.size() <= 8, "seed " + seed + ": " + cluster.amendments);
        }
    }
}
