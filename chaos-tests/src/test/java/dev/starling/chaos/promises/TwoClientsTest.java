package dev.starling.chaos.promises;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.chaos.invariant.ClaimsFitTheirNode;
import dev.starling.chaos.invariant.NoSlotRunsTwice;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Task;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two clients create 200 services each (100 where agents are killed), at once and through different nodes. Each node judges by its own count what it can still take, so at no
 * time do its containers reserve more than it has, nor do its claims: not while all nodes bid for everything, not when the services fill the cluster to the
 * last byte or want more than it has, and not when agents are killed on the way. {@code -Dclients.seeds=N} for more.
 */
class TwoClientsTest {
    private static final int NODES = 10;
    private static final int SERVICES = 200;
    /** A tenth of what one node has for each of its 40. */
    private static final long EXACT_CPU = 100_000_000L;
    private static final long EXACT_MEMORY = (4L << 30) / 40;

    static LongStream seeds() {
        return Scene.seeds("clients", 1);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void servicesThatFillTheClusterExactlyAllRun(long seed) {
        Simulation cluster = cluster(seed);
        long started = cluster.now();
        for (int service = 0; service < SERVICES; service++) {
            create(cluster, 0, service, EXACT_CPU, EXACT_MEMORY, 1);
            create(cluster, 9, service, EXACT_CPU, EXACT_MEMORY, 1);
            cluster.runFor(cluster.random().nextInt(3));
        }
        assertTrue(cluster.runUntil(() -> Scene.running(cluster.nodes()) == 2 * SERVICES, 60_000), () -> Scene.running(cluster.nodes()) + " run");
        System.out.printf("two clients, 200 services each, which fill 10 nodes exactly, seed %d: all run %,d ms after the first was created, %s claims too many%n",
                seed, cluster.now() - started, claims(cluster) - 2 * SERVICES);
        cluster.settle(Scene.AT_REST, Scene.CALM_MILLIS);
        cluster.nodes().forEach(node -> assertEquals(40, node.running().size(), node + " is full"));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void servicesThatWantMoreThanThereIsWhileAgentsAreKilled(long seed) {
        Simulation cluster = cluster(seed);
        cluster.network().loss(0.05);
        cluster.network().delay(5, 50);
        for (int service = 0; service < SERVICES / 2; service++) {
            create(cluster, 0, service, cpu(cluster), EXACT_MEMORY, 1 + cluster.random().nextInt(4));
            create(cluster, 9, service, cpu(cluster), EXACT_MEMORY, 1 + cluster.random().nextInt(3));
            cluster.runFor(cluster.random().nextInt(20));
            if (service % 20 == 19) { // its containers go on, and count when it is back
                SimNode node = Scene.any(cluster, cluster.nodes().subList(1, 9));
                node.killAgent();
                cluster.runFor(cluster.random().nextInt(200));
                node.start();
            }
        }
        cluster.runFor(20_000);
        cluster.heal();
        cluster.settle(List.of(new ViewsAreEqual(), new NoSlotRunsTwice()), Scene.CALM_MILLIS);
        cluster.runFor(30_000);
        long used = cluster.nodes().stream().flatMap(node -> node.running().stream()).map(Task::reserved).mapToLong(r -> r.nanoCpus()).sum();
        System.out.printf("two clients, 100 services each, with agents killed, seed %d: %d tasks use %.1f %% of the CPU%n", seed, Scene.running(cluster.nodes()),
                used / 4e9 / NODES * 100);
        assertTrue(used > 0.97 * NODES * 4_000_000_000L, "what fits runs");
    }

    private static Simulation cluster(long seed) {
        Simulation cluster = Scene.calm(seed, NODES); // checks the containers
        cluster.always(new ClaimsFitTheirNode());
        return cluster;
    }

    private static long cpu(Simulation cluster) {
        return 50_000_000L * (1 + cluster.random().nextInt(6));
    }

    private static void create(Simulation cluster, int node, int number, long nanoCpus, long memory, int replicas) {
        Scene.create(cluster, cluster.nodes().get(node), Services.replicated("s" + node + "-" + number, replicas).reserving(nanoCpus, memory));
    }

    private static int claims(Simulation cluster) {
        return cluster.nodes().stream().mapToInt(node -> node.core().tasks(node.id()).size()).sum();
    }
}
