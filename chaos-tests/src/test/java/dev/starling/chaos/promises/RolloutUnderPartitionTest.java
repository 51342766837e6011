package dev.starling.chaos.promises;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.chaos.invariant.AtMostInChange;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Twenty tasks are updated while the cluster is cut apart: before the update, in the middle of it or after; on one side or on both, to the same image or to
 * two; and it heals before the update is done or after. In the whole cluster never more than {@code parallelism} slots are without a running container
 * (start-first: none), and on no side are more that ran there. Containers take up to five seconds to start. {@code -Drollout.seeds=N} for more of each shape.
 */
class RolloutUnderPartitionTest {
    private static final int NODES = 10;
    private static final int SLOTS = 20;
    private static int most;
    private static int runs;
    private static int withTwoDocuments;

    static Stream<Arguments> cuts() {
        return Stream.of(Cut.values()).flatMap(cut -> Scene.seeds("rollout", 4).mapToObj(seed -> Arguments.of(cut, seed)));
    }

    @ParameterizedTest(name = "{0}, seed {1}")
    @MethodSource("cuts")
    void neverMoreThanTheParallelismIsInChange(Cut cut, long seed) {
        Simulation cluster = Scene.calm(seed, NODES);
        int parallelism = 1 + cluster.random().nextInt(4);
        boolean startFirst = cluster.random().nextInt(4) == 0;
        boolean scarce = cluster.random().nextInt(3) == 0; // a side then has no room for all slots
        String web = Scene.create(cluster, cluster.nodes().get(0), service("busybox", parallelism, startFirst, scarce)).uid();
        cluster.settle(Scene.AT_REST, Scene.CALM_MILLIS);
        int limit = startFirst && !scarce ? 0 : parallelism; // start-first needs room for both
        List<AtMostInChange> limits = new ArrayList<>(List.of(new AtMostInChange(web, SLOTS, limit)));
        cluster.always(limits.get(0));
        cluster.network().delay(1, cluster.random().nextInt(60));
        boolean cutFirst = cluster.random().nextInt(3) == 0;
        List<List<SimNode>> sides = List.of(cluster.nodes());
        if (cutFirst) {
            sides = cut(cluster, cut, web, limit, limits);
            cluster.runFor(cluster.random().nextLong(6_000));
        }
        Scene.update(Scene.any(cluster, sides.get(0)), web, service("slow:2", parallelism, startFirst, scarce));
        cluster.runFor(cluster.random().nextLong(8_000));
        if (!cutFirst) {
            sides = cut(cluster, cut, web, limit, limits);
            cluster.runFor(cluster.random().nextLong(6_000));
        }
        if (cutFirst && cluster.random().nextInt(3) > 0) {
            // Through one bridge a document may take as long as the nodes take to compare their state, so there two templates are more than is promised.
            String image = sides.size() > 1 && cluster.random().nextBoolean() ? "slow:3" : "slow:2";
            Scene.update(Scene.any(cluster, sides.get(sides.size() - 1)), web, service(image, parallelism, startFirst, scarce));
            withTwoDocuments++;
        }
        cluster.runFor(cluster.random().nextLong(60_000));
        limits.subList(1, limits.size()).forEach(cluster::noLonger);
        cluster.heal();
        cluster.settle(Scene.AT_REST, 300_000);
        most = Math.max(most, limits.get(0).most());
        runs++;
    }

    private static List<List<SimNode>> cut(Simulation cluster, Cut cut, String web, int limit, List<AtMostInChange> limits) {
        List<List<SimNode>> sides = cut.make(cluster);
        if (sides.size() > 1) {
            sides.forEach(side -> limits.add(new AtMostInChange(web, limit, side)));
            limits.subList(1, limits.size()).forEach(cluster::always);
        }
        return sides;
    }

    private static Services service(String image, int parallelism, boolean startFirst, boolean scarce) {
        Services service = Services.replicated("web", SLOTS).image(image).updating(parallelism);
        service.reserving(scarce ? 1_500_000_000L : 50_000_000L, 16L << 20);
        return startFirst ? service.startFirst() : service;
    }

    @AfterAll
    static void report() {
        System.out.printf("10 nodes, 20 tasks updated under a partition: %d runs (%d with two documents), parallelism 1 to 4 never exceeded; most in change %d%n", runs, withTwoDocuments, most);
        assertTrue(most > 0, "something was in change");
    }
}
