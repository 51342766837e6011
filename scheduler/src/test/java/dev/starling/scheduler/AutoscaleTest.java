package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.autoscale.Autoscale;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.NodeConditions;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.UpdateStage;
import dev.starling.scheduler.model.View;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** How many replicas a load asks for, and that a cluster of schedulers comes to that number and stays there. */
class AutoscaleTest {
    private static final long COOLDOWN_MILLIS = 20_000;

    private static int wanted(int replicas, int measured, int level) {
        return asked(replicas, measured, level).wanted();
    }

    private static Autoscale asked(int replicas, int measured, int level) {
        Given.Service web = Given.service("web", replicas).autoscale(2, 40, COOLDOWN_MILLIS);
        View view = Given.view(List.of(Given.node(1)), List.of(web), List.of());
        SortedMap<NodeId, List<ServiceLoad>> loads = new TreeMap<>();
        loads.put(Given.id(1), List.of(new ServiceLoad("web", measured, level, 0)));
        return Autoscale.of(new View(view.nodes(), view.services(), view.networks(), view.tasks(), view.refusals(), view.blocks(), view.completed(),
                loads, view.taskHistoryLimit()), web.spec()).orElseThrow();
    }

    @Test
    void theExamples() {
        assertEquals(6, wanted(3, 3, 14));
        assertEquals(3, wanted(6, 6, 3));
        assertEquals(5, wanted(5, 5, 9), "an eighth more is nothing");
        assertEquals(5, wanted(5, 5, 7), "an eighth less is nothing");
        assertEquals(6, wanted(3, 3, 32), "at most twice as many at once");
        assertEquals(4, wanted(8, 8, 0), "at most half as few at once");
        assertEquals(2, wanted(2, 2, 0), "not below the least");
        assertEquals(2, wanted(1, 0, 0), "up to the least though nothing was measured");
        assertEquals(40, wanted(60, 0, 0), "down to the most though nothing was measured");
        assertEquals(0, wanted(0, 0, 0), "scaled to 0 by an operator");
        assertEquals(4, wanted(4, 2, 12), "the two that were not measured may be idle");
        assertEquals(4, wanted(4, 2, 3) + 1, "the two that were not measured may be busy");
        assertEquals("autoscale 2 to 40: cpu at 175 % of what is wanted (3 tasks measured), 3 replicas, 6 wanted", asked(3, 3, 14).text());
    }

    @Property(tries = 300)
    void moreLoadNeverAsksForFewer(@ForAll @IntRange(min = 1, max = 60) int replicas, @ForAll @IntRange(max = 60) int measured,
            @ForAll @IntRange(max = 31) int level) {
        int some = wanted(replicas, Math.min(measured, replicas), level);
        assertTrue(some >= 2 && some <= 40, "out of bounds: " + some);
        assertTrue(wanted(replicas, Math.min(measured, replicas), level + 1) >= some);
    }

    /** Work that is shared out evenly: each step brings the number nearer, and it rests. */
    @Property(tries = 300)
    void aSteadyLoadComesToRest(@ForAll @IntRange(min = 1, max = 60) int replicas, @ForAll @IntRange(max = 320) int work) {
        int now = replicas;
        int turns = 0;
        int direction = 0;
        for (int step = 0; step < 12; step++) {
            int next = wanted(now, now, Math.min(ServiceLoad.MOST, (work + now / 2) / now));
            int turn = Integer.signum(next - now);
            turns += turn != 0 && direction != 0 && turn != direction ? 1 : 0;
            direction = turn != 0 ? turn : direction;
            now = next;
        }
        assertEquals(now, wanted(now, now, Math.min(ServiceLoad.MOST, (work + now / 2) / now)), "still moving after 12 steps");
        assertTrue(turns <= 1, turns + " turns");
    }

    /** {@code work}: tasks' worth of the wanted load, shared out evenly over what runs. */
    private static SortedMap<NodeId, List<ServiceLoad>> shared(Cluster cluster, int work) {
        List<Task> running = cluster.running("web");
        SortedMap<NodeId, List<ServiceLoad>> loads = new TreeMap<>();
        for (Task task : running) {
            int level = Math.min(ServiceLoad.MOST, work * ServiceLoad.WANTED / running.size());
            loads.merge(task.node(), List.of(new ServiceLoad("web", 1, level, 0)),
                    (one, other) -> List.of(new ServiceLoad("web", one.get(0).tasks() + 1, level, 0)));
        }
        return loads;
    }

    private static int replicas(Cluster cluster, int host) {
        return ((ServiceSpec.Mode.Replicated) cluster.service(host, "web").mode()).replicas();
    }

    @Test
    void aClusterFollowsItsLoadUpAndDownAndOneManagerWritesEachStep() {
        Cluster cluster = new Cluster(4, 11, 0, 100);
        int[] work = {3};
        cluster.load = c -> shared(c, work[0]);
        cluster.deploy(Given.service("web", 3).autoscale(2, 10, COOLDOWN_MILLIS));
        cluster.run(60_000);
        assertEquals(3, replicas(cluster, 1), "the load is as wanted");
        work[0] = 9;
        cluster.runUntil("more", 30_000, () -> cluster.eachSlotOnce("web", 9));
        cluster.run(60_000);
        assertEquals(9, replicas(cluster, 2), cluster.amendments::toString);
        work[0] = 1;
        long took = cluster.runUntil("fewer", 120_000, () -> cluster.eachSlotOnce("web", 2));
        assertTrue(took >= 3 * COOLDOWN_MILLIS, "9, 5, 3, 2 with a cooldown each, took " + took);
        cluster.run(60_000);
        assertEquals(List.of(6, 9, 5, 3, 2), cluster.amendments.stream().map(amendment -> ((Amendment.Scale) amendment).replicas()).toList());
    }

    @Test
    void aMomentOfLoadChangesNothingAndNeitherDoesAnUpdateThatIsUnderWay() {
        Cluster cluster = new Cluster(3, 12, 0, 100);
        int[] work = {3};
        cluster.load = c -> shared(c, work[0]);
        Given.Service web = Given.service("web", 3).autoscale(2, 10, COOLDOWN_MILLIS);
        cluster.deploy(web);
        cluster.run(20_000);
        for (int i = 0; i < 10; i++) {
            work[0] = 9;
            cluster.run(COOLDOWN_MILLIS / 4 - 500);
            work[0] = 3;
            cluster.run(500);
        }
        cluster.deploy(web.image("missing:2").stage(UpdateStage.PAUSED).image("app:2"));
        assertEquals(3, replicas(cluster, 1), cluster.amendments::toString);
    }

    @Test
    void bothSidesOfAPartitionScaleAndAgreeAfterwards() {
        Cluster cluster = new Cluster(4, 13, 0, 100);
        cluster.load = c -> shared(c, 6);
        cluster.deploy(Given.service("web", 3).autoscale(2, 10, COOLDOWN_MILLIS));
        cluster.run(1_000);
        cluster.cutAfter(2);
        cluster.run(60_000);
        cluster.heal();
        cluster.runUntil("agreed", 120_000, () -> replicas(cluster, 1) == replicas(cluster, 4) && cluster.eachSlotOnce("web", replicas(cluster, 1)));
        cluster.run(60_000);
        assertEquals(6, replicas(cluster, 1), cluster.amendments::toString);
    }

    @Test
    void ofTwoNodesWithEquallyManyTasksTheHotOneIsDearer() {
        NodeView hot = Given.node(1).withConditions(new NodeConditions(2, NodeConditions.Power.BATTERY_LOW, NodeConditions.Heat.HOT));
        Cluster cluster = new Cluster(3, 14, 0, 50, SchedulerConfig.defaults(), node -> node.id().equals(hot.id()) ? hot : node);
        cluster.deploy(Given.service("web", 5));
        cluster.runToRest();
        assertEquals(List.of(1, 2, 2), cluster.spread("web"));
        assertEquals("link cost 2, battery low, hot", hot.conditions().text());
        assertEquals(610, hot.conditions().price());
    }
}
