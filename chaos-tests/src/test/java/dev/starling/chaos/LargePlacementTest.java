package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.chaos.invariant.CapacityRespected;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import java.util.LongSummaryStatistics;
import org.junit.jupiter.api.Test;

/**
 * A hundred slots a node placed from empty: how long until all run (in simulated time, containers start within 80 ms), how evenly, how often two
 * nodes claimed one slot, and what it cost in messages. {@code -Dlarge.nodes=N -Dlarge.services=N} for other sizes; all of it is in one heap, about
 * 1 KiB for each task at each node.
 */
class LargePlacementTest {
    private static final int NODES = Integer.getInteger("large.nodes", 20);
    private static final int SERVICES = Integer.getInteger("large.services", 2);
    private static final int SLOTS = 100 * NODES;
    private static final long LIMIT_MILLIS = 10_000;

    @Test
    void aHundredSlotsANodeArePlacedEvenly() {
        Simulation cluster = new Simulation(3);
        cluster.addNodes(NODES);
        cluster.always(new CapacityRespected());
        cluster.startAll();
        cluster.runFor(8_000);
        long started = cluster.now();
        long messages = cluster.network().delivered();
        long bytes = cluster.network().bytes();
        for (int service = 0; service < SERVICES; service++) {
            String name = "s" + service;
            cluster.nodes().get(service % NODES).operate((core, now) ->
                    core.create(Kind.SERVICE, null, Services.replicated(name, SLOTS / SERVICES).body(), now));
        }
        assertTrue(cluster.runUntil(() -> running(cluster) == SLOTS, LIMIT_MILLIS), () -> running(cluster) + " of " + SLOTS + " run");
        long took = cluster.now() - started;
        LongSummaryStatistics perNode = cluster.nodes().stream().mapToLong(node -> node.running().size()).summaryStatistics();
        int claims = cluster.nodes().stream().mapToInt(node -> node.core().tasks(node.id()).size()).sum();
        System.out.printf("%,d slots of %d services on %d nodes: all run after %d simulated ms, %d to %d a node, %d claims too many, %.1f messages and "
                + "%.0f bytes a placement%n", SLOTS, SERVICES, NODES, took, perNode.getMin(), perNode.getMax(), claims - SLOTS,
                (double) (cluster.network().delivered() - messages) / SLOTS, (double) (cluster.network().bytes() - bytes) / SLOTS);
        assertTrue(perNode.getMax() - perNode.getMin() <= 1, "between " + perNode.getMin() + " and " + perNode.getMax() + " tasks a node");
    }

    private static int running(Simulation cluster) {
        return cluster.nodes().stream().map(SimNode::running).mapToInt(tasks -> tasks.size()).sum();
    }
}
