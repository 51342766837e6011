package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.chaos.invariant.AcknowledgedWritesAreKept;
import dev.starling.chaos.invariant.AddressesAreUnique;
import dev.starling.chaos.invariant.CapacityRespected;
import dev.starling.chaos.invariant.ClaimsNeverGoBack;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.GenerationsNeverGoBack;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import java.util.List;
import java.util.LongSummaryStatistics;
import org.junit.jupiter.api.Test;

/** A hundred nodes ({@code -Dhundred.nodes=100}; 60 in ./check): spread evenly, take over from the dead, heal after a partition with loss and delay; and a seed replays it all. */
class HundredNodesTest {
    private static final int NODES = Integer.getInteger("hundred.nodes", 60);
    private static final int REPLICAS = 3 * NODES;
    /** Of what each side of the partition adds. */
    private static final int REPLICAS_OF_A_SIDE = NODES;

    @Test
    void placesTakesOverAndHeals() {
        Simulation cluster = calmCluster(7);
        AcknowledgedWritesAreKept kept = new AcknowledgedWritesAreKept();
        List<Invariant> atRest = List.of(new ViewsAreEqual(), new EachSlotRunsOnce(), kept, new AddressesAreUnique());
        long created = cluster.now();
        create(cluster, 0, "web", REPLICAS);
        assertTrue(cluster.runUntil(() -> running(cluster) == REPLICAS, 20_000), () -> running(cluster) + " of " + REPLICAS + " run");
        System.out.printf("%d nodes: %d replicas run %d virtual ms after create%n", NODES, REPLICAS, cluster.now() - created);
        assertEvenly(cluster);

        List<SimNode> dead = cluster.nodes().subList(10, 15);
        dead.forEach(SimNode::powerCut);
        long died = cluster.now();
        assertTrue(cluster.runUntil(() -> running(cluster) == REPLICAS, 30_000), () -> running(cluster) + " of " + REPLICAS + " run");
        System.out.printf("%d nodes: tasks of 5 dead nodes run elsewhere after %d virtual ms%n", NODES, cluster.now() - died);

        cluster.partition(cluster.nodes().subList(NODES * 2 / 5, NODES * 3 / 4));
        cluster.network().loss(0.1);
        cluster.network().delay(20, 30);
        cluster.runFor(10_000);
        create(cluster, 0, "left", REPLICAS_OF_A_SIDE);
        create(cluster, NODES / 2, "right", REPLICAS_OF_A_SIDE);
        cluster.runFor(10_000);
        cluster.heal();
        cluster.settle(atRest, 120_000);
    }

    @Test
    void aSeedReplaysExactly() {
        assertEquals(trace(11), trace(11));
    }

    private static String trace(long seed) {
        Simulation cluster = new Simulation(seed);
        cluster.addNodes(20);
        cluster.startAll();
        cluster.runFor(3_000);
        create(cluster, 3, "web", REPLICAS);
        cluster.nodes().get(5).powerCut();
        cluster.network().loss(0.05);
        cluster.runFor(15_000);
        return cluster.processedEvents() + " events, " + cluster.network().bytes() + " bytes\n" + String.join("\n", cluster.memberTrace());
    }

    private static Simulation calmCluster(long seed) {
        Simulation cluster = new Simulation(seed);
        cluster.addNodes(NODES);
        cluster.always(new CapacityRespected());
        cluster.always(new GenerationsNeverGoBack());
        cluster.always(new ClaimsNeverGoBack());
        cluster.startAll();
        assertTrue(cluster.runUntil(() -> new ViewsAreEqual().holds(cluster), 30_000), NODES + " nodes do not find each other");
        return cluster;
    }

    private static void create(Simulation cluster, int node, String name, int replicas) {
        cluster.nodes().get(node).operate((core, now) -> core.create(Kind.SERVICE, null, Services.replicated(name, replicas).body(), now));
    }

    private static int running(Simulation cluster) {
        return cluster.upNodes().stream().mapToInt(node -> node.running().size()).sum();
    }

    private static void assertEvenly(Simulation cluster) {
        LongSummaryStatistics perNode = cluster.upNodes().stream().mapToLong(node -> node.running().size()).summaryStatistics();
        assertTrue(perNode.getMax() - perNode.getMin() <= 1, "between " + perNode.getMin() + " and " + perNode.getMax() + " tasks a node");
    }
}
