package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.plan.Pending;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Where tasks go, with several schedulers at work: create, scale, capacity, drain, death. */
class PlacementTest {
    private static int gap(List<Integer> spread) {
        return Collections.max(spread) - Collections.min(spread);
    }

    @Test
    void fiftyReplicasOnFiveNodesAreTenEachAndNobodyClaimsTwice() {
        Cluster cluster = Cluster.of(5);
        cluster.deploy(Given.service("web", 50));
        cluster.runToRest();
        assertEquals(List.of(10, 10, 10, 10, 10), cluster.spread("web"));
        assertEquals(50, cluster.records("web").size(), "no task beside the fifty was ever made");
    }

    @Test
    void claimsThatArriveOneByOneDoNotChangeThePlan() {
        for (int seed = 0; seed < 20; seed++) {
            // messages take less than new services are waited for (Sight); beyond that a slot or two may be taken twice for a moment
            Cluster cluster = new Cluster(5, seed, 0, 100, SchedulerConfig.defaults(),
                    node -> Given.labelled(node, "zone", node.id().compareTo(Given.id(2)) <= 0 ? "a" : "b"));
            cluster.deploy(Given.service("web", 50));
            cluster.deploy(Given.service("api", 60).spread("node.labels.zone").reserves(Given.CORE / 10, 0));
            cluster.runToRest();
            assertEquals(List.of(10, 10, 10, 10, 10), cluster.spread("web"), "seed " + seed);
            assertEquals(List.of(15, 15, 10, 10, 10), cluster.spread("api"), "seed " + seed);
            assertEquals(110, cluster.records("web").size() + cluster.records("api").size(), "seed " + seed);
        }
    }

    @Test
    void servicesThatAreDeployedTogetherAreNotClaimedTwice() {
        for (int seed = 0; seed < 10; seed++) {
            Cluster cluster = new Cluster(8, seed, 0, 100, SchedulerConfig.defaults(), node -> node);
            cluster.run(1_000); // of what a node finds when it starts nothing is new, and nothing waits
            for (int service = 0; service < 20; service++) {
                cluster.deploy(Given.service("of-a-stack-" + service, 3));
            }
            cluster.runToRest();
            int made = 0;
            for (int service = 0; service < 20; service++) {
                made += cluster.records("of-a-stack-" + service).size();
            }
            assertEquals(60, made, "seed " + seed + ": tasks for 60 slots; 69 to 79 where new services are placed as they come");
        }
    }

    @Test
    void theTasksOfADeadNodeRunElsewhereAndTheirSlotsKeepTheirNumbers() {
        Cluster cluster = Cluster.of(5);
        cluster.deploy(Given.service("web", 50));
        cluster.runToRest();
        cluster.powerCut(3);
        long took = cluster.runUntil("all fifty again", 10_000, () -> cluster.running("web").size() == 50);
        assertTrue(took < 3_000, "detection 2 s + start 0.3 s, took " + took);
        cluster.runToRest();
        assertEquals(1, gap(cluster.spread("web").stream().filter(count -> count > 0).toList()));
        assertEquals(50, cluster.running("web").stream().mapToInt(task -> task.slot().index()).max().orElse(0));
    }

    @Test
    void aNodeThatReturnsGivesWayToTheEarlierClaimOrKeepsItsOwn() {
        Cluster cluster = Cluster.of(4);
        cluster.deploy(Given.service("web", 12));
        cluster.runToRest();
        cluster.cutAfter(1);
        cluster.run(6_000);
        assertTrue(cluster.alive("web").size() > 12, "both sides run everything: " + cluster.spread("web"));
        List<String> incumbents = cluster.host(1).recordTasks.values().stream().filter(Task::isActive)
                .filter(task -> task.createdMillis() < 1_700_000_011_000L).map(Task::id).toList();
        cluster.heal();
        cluster.runUntil("one task a slot", 45_000, () -> cluster.eachSlotOnce("web", 12));
        cluster.runToRest();
        assertTrue(cluster.eachSlotOnce("web", 12), cluster::describe);
        assertTrue(cluster.running("web").stream().map(Task::id).toList().containsAll(incumbents), "incumbents keep their slots");
    }

    @Test
    void nodesRankedLaterStepInForOneThatDoesNotAct() {
        Cluster cluster = Cluster.of(3);
        cluster.host(2).alive = false;
        cluster.hosts.forEach(host -> host.containers.loseAll());
        cluster.deploy(Given.service("web", 6));
        cluster.runUntil("all run before the death is known", 1_990, () -> cluster.running("web").size() == 6);
    }

    @Test
    void twoServicesNeverOverCommitANodeAndWhatDoesNotFitSaysWhy() {
        Cluster cluster = new Cluster(3, 5, 0, 200, SchedulerConfig.defaults(), node -> Given.with(node, new Resources(4 * Given.CORE, 4 * Given.GIB)));
        cluster.deploy(Given.service("a", 9).reserves(0, Given.GIB));
        cluster.deploy(Given.service("b", 9).reserves(Given.CORE / 2, Given.GIB));
        cluster.run(10_000);
        assertEquals(12, cluster.running("a").size() + cluster.running("b").size());
        var pending = Pending.tasks(cluster.host(1).view());
        assertEquals(6, pending.size());
        assertEquals("no suitable node: 3 lack memory", pending.get(0).reason());
        cluster.remove("a");
        cluster.runUntil("the other gets the room", 10_000, () -> cluster.running("b").size() == 9);
        cluster.runToRest();
        assertTrue(cluster.records("a").isEmpty(), "a removed service leaves no record");
    }

    @Test
    void scaleDownAndUpStaysEven() {
        Cluster cluster = new Cluster(5, 3, 0, 300);
        Given.Service web = Given.service("web", 50);
        cluster.deploy(web);
        cluster.runToRest();
        for (int replicas : new int[] {23, 40, 4, 0, 11}) {
            cluster.deploy(web.replicas(replicas));
            cluster.runUntil("settled", 60_000, () -> cluster.eachSlotOnce("web", replicas));
            cluster.runToRest();
            assertTrue(cluster.eachSlotOnce("web", replicas), cluster::describe);
            assertTrue(gap(cluster.spread("web")) <= 1, replicas + ": " + cluster.spread("web"));
            assertEquals(replicas, cluster.records("web").size(), "scaled-down slots leave no history");
        }
    }

    @Test
    void drainMovesTasksPauseKeepsThemAndTakesNoMore() {
        Cluster cluster = Cluster.of(3);
        Given.Service web = Given.service("web", 9);
        cluster.deploy(web);
        cluster.runToRest();
        cluster.change(1, node -> Given.with(node, Availability.DRAIN));
        cluster.change(2, node -> Given.with(node, Availability.PAUSE));
        cluster.runUntil("moved", 5_000, () -> cluster.spread("web").equals(List.of(0, 3, 6)));
        cluster.runToRest();
        cluster.change(1, node -> Given.with(node, Availability.ACTIVE));
        cluster.runToRest();
        assertEquals(List.of(0, 3, 6), cluster.spread("web"), "nothing moves back by itself");
        cluster.deploy(web.replicas(12));
        cluster.runToRest();
        assertEquals(List.of(3, 3, 6), cluster.spread("web"));
    }

    @Test
    void spreadPreferencesFillZonesEvenly() {
        Cluster cluster = new Cluster(4, 9, 0, 100, SchedulerConfig.defaults(),
                node -> Given.labelled(node, "zone", node.id().equals(Given.id(1)) ? "a" : "b"));
        cluster.deploy(Given.service("web", 12).spread("node.labels.zone"));
        cluster.runToRest();
        assertEquals(List.of(6, 2, 2, 2), cluster.spread("web"));
    }

    @Test
    void globalServicesRunOnEachSuitableNodeAndOnNewcomers() {
        Cluster cluster = Cluster.of(4);
        cluster.change(4, node -> Given.labelled(node, "role", "edge"));
        cluster.deploy(Given.global("agent").constraints("node.labels.role!=edge"));
        cluster.runToRest();
        assertEquals(List.of(1, 1, 1, 0), cluster.spread("agent"));
        cluster.change(4, node -> Given.labelled(node, "role", "core"));
        cluster.change(2, node -> Given.labelled(node, "role", "edge"));
        cluster.runToRest();
        assertEquals(List.of(1, 0, 1, 1), cluster.spread("agent"));
        cluster.powerCut(1);
        cluster.run(5_000);
        assertEquals(List.of(0, 0, 1, 1), cluster.spread("agent"));
        cluster.remove("agent");
        cluster.powerOn(1);
        cluster.runToRest();
        assertTrue(cluster.records("agent").isEmpty(), cluster::describe);
    }

    @Test
    void hostPortsAndMaxReplicasPerNodeLimitANode() {
        Cluster cluster = Cluster.of(3);
        cluster.deploy(Given.service("web", 5).hostPorts("tcp/8080"));
        cluster.deploy(Given.service("api", 9).maxReplicasPerNode(2));
        cluster.run(5_000);
        assertEquals(List.of(1, 1, 1), cluster.spread("web"));
        assertEquals(List.of(2, 2, 2), cluster.spread("api"));
        assertEquals(List.of("no suitable node: 3 at max replicas per node", "no suitable node: 3 have tcp/8080 in use"),
                Pending.tasks(cluster.host(2).view()).stream().map(pending -> pending.reason()).distinct().sorted().toList());
    }

    @Test
    void anImageThatOneNodeHasFindsItsWayThere() {
        Cluster cluster = Cluster.of(4);
        cluster.deploy(Given.service("web", 4).image("only-node03:1"));
        cluster.runUntil("all on node 3", 20_000, () -> cluster.spread("web").equals(List.of(0, 0, 4, 0)));
        cluster.runToRest();
        assertTrue(cluster.hosts.stream().allMatch(host -> host.recordRefusals.isEmpty()), "refusals go when the slot runs");
    }

    @Test
    void anImageThatDoesNotExistIsTriedOnEachNodeThenMoreAndMoreSeldom() {
        Cluster cluster = Cluster.of(3);
        Given.Service web = Given.service("web", 1).image("missing:1").restart(RestartPolicy.Condition.ANY, 2_000, 0, 0);
        cluster.deploy(web);
        cluster.run(600_000);
        int started = cluster.hosts.stream().mapToInt(host -> host.containers.startedCount()).sum();
        assertTrue(started >= 9 && started <= 13, "3 at once, then after 2, 4, 8, ... 256 s: " + started);
        assertTrue(cluster.hosts.stream().filter(host -> host.containers.startedCount() >= 2).count() >= 2, "the tries go round");
        List<Task> shown = cluster.records("web");
        assertTrue(shown.size() >= 5 && shown.size() <= 8, "history stays within its limit: " + shown.size());
        assertTrue(shown.stream().allMatch(task -> task.state() != TaskState.REJECTED || task.error().contains("No such image")));
        assertTrue(Pending.tasks(cluster.host(1).view()).stream().allMatch(pending -> pending.reason().contains("No such image")));
        cluster.deploy(web.image("app:2"));
        cluster.runUntil("a good image runs at once", 1_000, () -> cluster.running("web").size() == 1);
    }
}
