package dev.starling.chaos.promises;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.chaos.invariant.NoSlotRunsTwice;
import dev.starling.chaos.invariant.NoneOfTheseStops;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import java.util.List;
import java.util.SortedSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Twenty nodes are cut apart in every shape, each side runs what it misses, and the links heal: within 45 s no slot runs twice, and what ran
 * before the cut has run all the time. So an incumbent is kept, and a task on which both sides agree is not restarted. {@code -Dhealing.seeds=N} for
 * more of each shape.
 */
class HealingTest {
    private static final long LIMIT_MILLIS = 45_000;
    private static final Spread ALL = new Spread();

    static Stream<Arguments> cuts() {
        return Stream.of(Cut.values()).flatMap(cut -> Scene.seeds("healing", 2).mapToObj(seed -> Arguments.of(cut, seed)));
    }

    @ParameterizedTest(name = "{0}, seed {1}")
    @MethodSource("cuts")
    void duplicatesAreGoneSoonAndIncumbentsHaveNeverStopped(Cut cut, long seed) {
        Simulation cluster = Scene.calm(seed, 20);
        String web = Scene.create(cluster, cluster.nodes().get(0), Services.replicated("web", 40).reserving(50_000_000L, 16L << 20)).uid();
        Scene.create(cluster, cluster.nodes().get(7), Services.replicated("few", 7).startFirst());
        Scene.create(cluster, cluster.nodes().get(3), Services.global("everywhere"));
        cluster.settle(Scene.AT_REST, Scene.CALM_MILLIS);
        SortedSet<String> incumbents = Scene.runningIds(cluster.nodes());
        assertEquals(67, incumbents.size());
        NoneOfTheseStops kept = new NoneOfTheseStops(incumbents);
        cluster.always(kept);
        cluster.network().delay(1, cluster.random().nextInt(40));
        List<List<SimNode>> sides = cut.make(cluster);
        cluster.runFor(500 + cluster.random().nextLong(30_000));
        if (seed % 2 == 0) { // each side writes, too: the one scales, the other makes a new one
            SimNode first = Scene.any(cluster, sides.get(0));
            Scene.update(first, web, Services.replicated("web", 50).reserving(50_000_000L, 16L << 20));
            Scene.create(cluster, Scene.any(cluster, sides.get(sides.size() - 1)), Services.replicated("new", 10));
            cluster.runFor(5_000);
        }
        int most = Scene.running(cluster.nodes());
        cluster.heal();
        long healed = cluster.now();
        assertTrue(cluster.runUntil(() -> Scene.AT_REST.stream().allMatch(invariant -> invariant.holds(cluster)), LIMIT_MILLIS),
                () -> cut + ", seed " + seed + ": " + Scene.AT_REST.stream().flatMap(invariant -> invariant.violation(cluster).stream()).toList());
        long took = cluster.now() - healed;
        cluster.periodically(new NoSlotRunsTwice());
        cluster.runFor(10_000);
        ALL.add(took);
        System.out.printf("20 nodes, %s, seed %d: %d tasks when the links heal, one a slot %,d ms later%n", cut, seed, most, took);
    }

    @AfterAll
    static void report() {
        System.out.printf("20 nodes, all cuts: one task a slot %s ms after healing%n", ALL);
    }
}
