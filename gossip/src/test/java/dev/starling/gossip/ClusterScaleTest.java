package dev.starling.gossip;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.sim.ClusterMeasurements;
import dev.starling.gossip.sim.ClusterMeasurements.Idle;
import dev.starling.gossip.sim.ClusterMeasurements.Join;
import dev.starling.gossip.sim.ClusterMeasurements.Stalls;
import dev.starling.gossip.sim.ClusterMeasurements.Times;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A little of what bench/gossip-scale.sh measures at length, against what docs/GOSSIP.md promises. */
class ClusterScaleTest {
    @Test
    void aCrashIsKnownToFiveAndToFifty() {
        Times five = report("crash known to all of 5", ClusterMeasurements.crash(5, 1, 10, 10, 1));
        Times fifty = report("crash known to all of 50", ClusterMeasurements.crash(50, 3, 10, 10, 2));
        assertTrue(five.quantile(0.5) <= 2_700, five.toString());
        assertTrue(fifty.quantile(0.5) <= 2_700 && fifty.quantile(0.99) <= 5_000, fifty.toString());
    }

    @Test
    void aThousandNodesKnowOfACrashAndOfAChange() {
        Times crash = report("crash known to all of 1,000", ClusterMeasurements.crash(1_000, 3, 1, 1, 3));
        Times change = report("change known to all of 1,000", ClusterMeasurements.change(1_000, 5, 4));
        assertTrue(crash.quantile(1) <= 8_000, crash.toString());
        assertTrue(change.quantile(1) <= 2_000, change.toString());
    }

    @Test
    void aChangeIsKnownToFiftyInAQuarterOfASecond() {
        Times times = report("change known to all of 50", ClusterMeasurements.change(50, 100, 5));
        assertTrue(times.quantile(0.99) <= 250, times.toString());
    }

    /** Seed 2 held seven live nodes for dead in an hour, the first after two minutes, before a woken node read its queue ahead of its verdicts. */
    @Test
    void noNodeThatStallsTwoSecondsIsDeclaredDead() {
        Stalls stalls = ClusterMeasurements.stalls(50, 500, 2);
        System.out.println("50 nodes, 500 s, 5 % loss: " + stalls.stalls() + " stalls of 2 s, deaths " + stalls.deaths().size());
        assertEquals(List.of(), stalls.deaths());
    }

    @Test
    void idleTrafficDoesNotGrowWithTheCluster() {
        for (int size : new int[] {5, 50, 500}) {
            Idle idle = ClusterMeasurements.idle(size, 20, 6);
            System.out.println("idle, " + size + " nodes, per node and second: " + idle);
            assertTrue(idle.wireBytes() <= 500, size + " nodes: " + idle);
        }
    }

    @Test
    void aMassJoinIsNotQuadratic() {
        Join join = ClusterMeasurements.join(300, 7);
        System.out.println("join of 300 at once: " + join);
        assertTrue(join.messagesPerNode() <= 150, join.toString());
    }

    private static Times report(String what, Times times) {
        System.out.println(what + ": " + times);
        return times;
    }
}
