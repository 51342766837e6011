package dev.starling.chaos.promises;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Slot;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A site loses its power and comes back with every link down: each node starts what it had claimed, soon and of its own, and when the links are there each slot
 * runs once. And nodes come, go and return while services run: nothing that runs elsewhere is touched. {@code -Dislands.seeds=N} for more.
 */
class IslandsTest {
    private static final int NODES = 6;
    /** It listens for others for 5 s; the delay before a restart is a second. */
    private static final long OWN_AGAIN_MILLIS = 7_000;

    static LongStream seeds() {
        return Scene.seeds("islands", 5);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void afterAPowerCutWithNoPeerInReachANodeStartsWhatItHadClaimed(long seed) {
        Simulation cluster = Scene.calm(seed, NODES);
        Scene.create(cluster, cluster.nodes().get(0), Services.replicated("web", 18).reserving(400_000_000L, 64L << 20));
        Scene.create(cluster, cluster.nodes().get(1), Services.replicated("cautious", 6).label("starling.partition", "majority"));
        Scene.create(cluster, cluster.nodes().get(2), Services.global("everywhere"));
        cluster.settle(Scene.AT_REST, Scene.CALM_MILLIS);
        String cautious = uid(cluster, "cautious");
        SortedMap<NodeId, SortedSet<Slot>> claimed = new TreeMap<>();
        cluster.nodes().forEach(node -> claimed.put(node.id(), slots(node, cautious)));
        cluster.runFor(cluster.random().nextLong(2_000));
        cluster.nodes().forEach(SimNode::powerCut);
        cluster.nodes().forEach(node -> cluster.partition(List.of(node)));
        Spread ownAgain = new Spread();
        for (SimNode node : cluster.nodes()) {
            long started = cluster.now();
            node.start();
            assertTrue(cluster.runUntil(() -> slots(node, cautious).containsAll(claimed.get(node.id())), OWN_AGAIN_MILLIS),
                    () -> node + " had " + claimed.get(node.id()) + " and runs " + slots(node, cautious));
            ownAgain.add(cluster.now() - started);
        }
        cluster.runFor(20_000);
        assertEquals(0, cluster.nodes().stream().mapToLong(node -> node.running().stream().filter(task -> task.slot().serviceUid().equals(cautious)).count()).sum(),
                "what wants a majority waits for one");
        int alone = Scene.running(cluster.nodes());
        cluster.heal();
        long healed = cluster.now();
        cluster.settle(Scene.AT_REST, 60_000);
        System.out.printf("6 islands after a power cut, seed %d: each runs what it had claimed %s ms after its start; %d tasks, one a slot %,d ms after the links are back%n",
                seed, ownAgain, alone, cluster.now() - healed);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void nodesThatReturnJoinOrLeaveDisturbNobody(long seed) {
        Simulation cluster = Scene.calm(seed, NODES);
        Scene.create(cluster, cluster.nodes().get(0), Services.replicated("web", 18).reserving(400_000_000L, 64L << 20));
        Scene.create(cluster, cluster.nodes().get(2), Services.global("everywhere"));
        cluster.settle(Scene.AT_REST, Scene.CALM_MILLIS);
        for (int change = 0; change < 6; change++) {
            SortedSet<String> before;
            List<SimNode> others = new ArrayList<>(cluster.upNodes());
            switch (cluster.random().nextInt(3)) {
                case 0 -> { // away for a while, also shorter than it takes to notice
                    SimNode away = others.remove(cluster.random().nextInt(others.size()));
                    before = Scene.runningIds(others);
                    away.powerCut();
                    cluster.runFor(500 + cluster.random().nextLong(8_000));
                    away.start();
                }
                case 1 -> {
                    before = Scene.runningIds(others);
                    SimNode fresh = cluster.addNode(Role.MANAGER, new Resources(4_000_000_000L, 4L << 30));
                    fresh.start();
                    cluster.enrol(fresh);
                }
                default -> { // drained, then switched off
                    SimNode leaving = others.remove(cluster.random().nextInt(others.size()));
                    before = Scene.runningIds(others);
                    drain(others.get(0), leaving, "drain");
                    assertTrue(cluster.runUntil(() -> leaving.running().isEmpty(), 30_000), () -> leaving + " still runs " + leaving.running());
                    leaving.powerCut();
                    cluster.runFor(5_000);
                    leaving.start();
                    drain(others.get(0), leaving, "active");
                }
            }
            cluster.settle(Scene.AT_REST, Scene.CALM_MILLIS);
            assertTrue(Scene.runningIds(cluster.nodes()).containsAll(before), "what runs on the others goes on");
        }
    }

    private static void drain(SimNode at, SimNode which, String availability) {
        at.operate((core, now) -> {
            var here = core.documents(Kind.NODE).stream().filter(document -> document.uid().equals(which.id().value())).findFirst().orElseThrow();
            var body = (com.fasterxml.jackson.databind.node.ObjectNode) here.body().deepCopy();
            body.withObject("/Spec").put("Availability", availability);
            return core.update(here.uid(), here.object().generation(), body, now);
        });
    }

    private static String uid(Simulation cluster, String name) {
        return cluster.nodes().get(0).core().documents(Kind.SERVICE).stream().filter(document -> document.name().equals(name)).findFirst().orElseThrow().uid();
    }

    private static SortedSet<Slot> slots(SimNode node, String withoutService) {
        SortedSet<Slot> slots = new TreeSet<>();
        node.running().forEach(task -> slots.add(task.slot()));
        slots.removeIf(slot -> slot.serviceUid().equals(withoutService));
        return slots;
    }
}
