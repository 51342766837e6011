package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.chaos.invariant.AcknowledgedWritesAreKept;
import dev.starling.chaos.invariant.AddressesAreUnique;
import dev.starling.chaos.invariant.AtMostInChange;
import dev.starling.chaos.invariant.CapacityRespected;
import dev.starling.chaos.invariant.ClaimsNeverGoBack;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.GenerationsNeverGoBack;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.OneWriterPerRecord;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Task;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What DESIGN.md promises about single events, each with its time in virtual milliseconds. */
class ScenariosTest {
    private static final List<Invariant> AT_REST =
            List.of(new ViewsAreEqual(), new EachSlotRunsOnce(), new AcknowledgedWritesAreKept(), new AddressesAreUnique());
    private static final long CALM_MILLIS = 60_000;

    @Test
    void duplicatesEndSoonAfterHealingAndIncumbentsStay() {
        Simulation cluster = cluster(1, 20);
        create(cluster, Services.replicated("web", 40));
        cluster.settle(AT_REST, CALM_MILLIS);
        Set<String> incumbents = runningIds(cluster);
        List<SimNode> side = cluster.nodes().subList(0, 8);
        cluster.partition(side);
        assertTrue(cluster.runUntil(() -> running(side) == 40 && running(cluster.nodes()) == 80, 60_000),
                () -> "each side runs all: " + running(side) + " and " + running(cluster.nodes()));
        cluster.heal();
        long healed = cluster.now();
        cluster.settle(AT_REST, 45_000);
        System.out.printf("20 nodes, partition 8 | 12, 40 duplicates: one task a slot %d virtual ms after healing%n", cluster.now() - healed);
        assertEquals(incumbents, runningIds(cluster), "those that ran before the partition go on, and none was restarted");
    }

    @Test
    void aPartitionOfWhichNobodyNoticedRestartsNothing() {
        Simulation cluster = cluster(2, 9);
        create(cluster, Services.replicated("web", 18));
        cluster.settle(AT_REST, CALM_MILLIS);
        Set<String> before = runningIds(cluster);
        cluster.partition(cluster.nodes().subList(0, 4));
        cluster.runFor(700);
        cluster.heal();
        cluster.runFor(10_000);
        cluster.settle(AT_REST, CALM_MILLIS);
        assertEquals(before, runningIds(cluster));
    }

    @Test
    void aRolloutKeepsItsParallelismWithLossAndDelay() {
        Simulation cluster = cluster(3, 10);
        Document web = create(cluster, Services.replicated("web", 12).updating(2));
        cluster.settle(AT_REST, CALM_MILLIS);
        AtMostInChange parallelism = new AtMostInChange(web.uid(), 12, 2);
        cluster.always(parallelism);
        cluster.network().loss(0.1);
        cluster.network().delay(30, 200);
        update(cluster, 4, Services.replicated("web", 12).image("other:1").updating(2));
        cluster.runFor(20_000);
        cluster.heal();
        cluster.settle(AT_REST, CALM_MILLIS);
        assertTrue(parallelism.most() > 0, "something was in change");
    }

    /** Each failed try left the old task running and out of date, so the next one followed at once: the restart policy was not asked. */
    @Test
    void anUpdateThatCannotStartBesideTheOldTaskIsTriedEverMoreRarely() {
        Simulation cluster = cluster(8, 3);
        Document web = create(cluster, startFirstWithoutRestarts("busybox:latest"));
        cluster.settle(AT_REST, CALM_MILLIS);
        Set<String> old = runningIds(cluster);
        Set<String> tries = new TreeSet<>();
        cluster.always((simulation, node) -> {
            node.core().tasks(node.id()).stream().filter(task -> !old.contains(task.id())).map(Task::id).forEach(tries::add);
            return Optional.empty();
        });
        update(cluster, 0, startFirstWithoutRestarts("missing"));
        cluster.runFor(30_000);
        assertEquals(old, runningIds(cluster), "what ran goes on");
        assertTrue(tries.size() >= 3 && tries.size() <= 30, () -> tries.size() + " tries of 3 slots of service " + web.uid() + " in 30 s");
        update(cluster, 0, startFirstWithoutRestarts("other:1"));
        cluster.settle(AT_REST, CALM_MILLIS);
        assertTrue(cluster.runUntil(() -> cluster.nodes().stream().flatMap(node -> node.running().stream()).allMatch(task -> task.image().equals("other:1")), 10_000),
                "an image that is there is used at once");
    }

    private static Services startFirstWithoutRestarts(String image) {
        return Services.replicated("web", 3).image(image).restarting("none", 0).updating(1).startFirst().updating(0, "continue", 0);
    }

    /** Two sides roll out each by itself: at most the parallelism is in change in both together, and afterwards nothing is left of the old. */
    @Test
    void aRolloutDuringAPartitionKeepsItsParallelism() {
        Simulation cluster = cluster(4, 10);
        Document web = create(cluster, Services.replicated("web", 12).updating(2));
        cluster.settle(AT_REST, CALM_MILLIS);
        AtMostInChange parallelism = new AtMostInChange(web.uid(), 12, 2);
        cluster.always(parallelism);
        update(cluster, 0, Services.replicated("web", 12).image("other:1").updating(2));
        cluster.runFor(300);
        cluster.partition(cluster.nodes().subList(0, 4));
        cluster.runFor(30_000);
        cluster.heal();
        cluster.settle(AT_REST, CALM_MILLIS);
        System.out.printf("rollout of 12 slots, parallelism 2, cut in two on the way: at most %d slots in change%n", parallelism.most());
    }

    @Test
    void aNodeThatWasAwayBringsNothingBack() {
        Simulation cluster = cluster(5, 5);
        Document gone = create(cluster, Services.replicated("gone", 10));
        create(cluster, Services.replicated("stays", 5));
        cluster.settle(AT_REST, CALM_MILLIS);
        SimNode away = cluster.nodes().get(3);
        away.killAgent(); // its containers go on
        cluster.runFor(5_000);
        cluster.nodes().get(1).operate((core, now) -> core.delete(gone.uid(), now));
        cluster.runFor(10_000);
        assertTrue(away.running().stream().anyMatch(task -> task.slot().serviceUid().equals(gone.uid())), "it still runs what was deleted");
        away.start();
        List<Invariant> atRest = List.of(new ViewsAreEqual(), new EachSlotRunsOnce(),
                new AcknowledgedWritesAreKept(() -> Set.of(gone.uid())), new AddressesAreUnique());
        cluster.settle(atRest, CALM_MILLIS);
        cluster.runFor(30_000);
        cluster.settle(atRest, CALM_MILLIS);
        assertTrue(cluster.nodes().stream().allMatch(node -> node.core().documents(Kind.SERVICE).size() == 1));
    }

    @Test
    void aNodeThatLostItsDiskJoinsInAgain() {
        Simulation cluster = cluster(6, 5);
        create(cluster, Services.replicated("web", 10));
        cluster.settle(AT_REST, CALM_MILLIS);
        SimNode unlucky = cluster.nodes().get(2);
        unlucky.loseDisk();
        cluster.runFor(6_000);
        assertEquals(10, running(cluster.upNodes()), "the others have taken over");
        unlucky.start();
        cluster.settle(AT_REST, CALM_MILLIS);
    }

    @Test
    void fiftyNodesTakeOverFromTheDead() {
        Simulation cluster = cluster(7, 50);
        create(cluster, Services.replicated("web", 100));
        cluster.settle(AT_REST, CALM_MILLIS);
        List<Long> known = new ArrayList<>();
        List<Long> elsewhere = new ArrayList<>();
        for (int crash = 0; crash < 9; crash++) {
            SimNode dead = cluster.nodes().get(cluster.random().nextInt(50));
            long at = cluster.now();
            dead.powerCut();
            assertTrue(cluster.runUntil(() -> cluster.upNodes().stream().noneMatch(node -> node.core().view().nodes().get(dead.id()).ready()), 20_000));
            known.add(cluster.now() - at);
            assertTrue(cluster.runUntil(() -> running(cluster.upNodes()) == 100, 20_000));
            elsewhere.add(cluster.now() - at);
            dead.start();
            cluster.settle(AT_REST, CALM_MILLIS);
        }
        Collections.sort(known);
        Collections.sort(elsewhere);
        System.out.printf("50 nodes, 9 crashes: down known by all after median %d, max %d virtual ms; all tasks run elsewhere after %d, %d%n",
                known.get(4), known.get(8), elsewhere.get(4), elsewhere.get(8));
        assertTrue(elsewhere.get(8) <= 10_000, () -> elsewhere.toString());
    }

    private static Simulation cluster(long seed, int nodes) {
        Simulation cluster = new Simulation(seed);
        cluster.addNodes(nodes);
        OneWriterPerRecord oneWriter = new OneWriterPerRecord();
        cluster.always(new CapacityRespected());
        cluster.always(new GenerationsNeverGoBack());
        cluster.always(new ClaimsNeverGoBack());
        cluster.always(oneWriter);
        cluster.periodically(oneWriter);
        cluster.startAll();
        cluster.settle(List.of(new ViewsAreEqual()), CALM_MILLIS);
        cluster.runFor(2_000);
        return cluster;
    }

    private static Document create(Simulation cluster, Services service) {
        return cluster.nodes().get(0).operate((core, now) -> core.create(Kind.SERVICE, null, service.body(), now));
    }

    private static void update(Simulation cluster, int node, Services service) {
        cluster.nodes().get(node).operate((core, now) -> {
            Document here = core.documents(Kind.SERVICE).get(0);
            return core.update(here.uid(), here.object().generation(), service.body(), now);
        });
    }

    private static int running(Collection<SimNode> nodes) {
        return nodes.stream().mapToInt(node -> node.running().size()).sum();
    }

    private static Set<String> runningIds(Simulation cluster) {
        return cluster.nodes().stream().flatMap(node -> node.running().stream()).map(Task::id).collect(Collectors.toCollection(TreeSet::new));
    }
}
