package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.chaos.invariant.AcknowledgedWritesAreKept;
import dev.starling.chaos.invariant.ClaimsNeverGoBack;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.GenerationsNeverGoBack;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Task;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Nodes whose wall clock is wrong, and a node that was away for weeks. */
class ClocksAndAbsenceTest {
    private static final List<Invariant> AT_REST = List.of(new ViewsAreEqual(), new EachSlotRunsOnce(), new AcknowledgedWritesAreKept());
    private static final long CALM_MILLIS = 60_000;
    /** Where nodes compare their state each two minutes only. */
    private static final long SLOW_CALM_MILLIS = Duration.ofMinutes(30).toMillis();
    private static final long YEAR_MILLIS = Duration.ofDays(365).toMillis();

    /** A board without a clock believes in 2016, another one in 2029: all can write, nothing is restarted, and nothing is lost when they are set right. */
    @Test
    void clocksThatAreYearsOffAndJump() {
        Simulation cluster = cluster(1, GossipConfig.lan());
        List<SimNode> nodes = cluster.nodes();
        create(cluster, 0, Services.replicated("before", 5));
        cluster.settle(AT_REST, CALM_MILLIS);
        Set<String> before = runningIds(cluster);
        nodes.get(1).skew(3 * YEAR_MILLIS);
        nodes.get(2).skew(-10 * YEAR_MILLIS);
        cluster.runFor(5_000);
        assertEquals(before, runningIds(cluster), "a clock that jumps restarts nothing");
        create(cluster, 1, Services.replicated("ahead", 5));
        create(cluster, 2, Services.replicated("behind", 5));
        cluster.settle(AT_REST, CALM_MILLIS);
        for (int node : new int[] {0, 1, 2, 3}) { // each may change what another one wrote
            for (String name : List.of("before", "ahead", "behind")) {
                scale(cluster, node, name, 5 + node);
                cluster.runFor(1_000);
            }
        }
        cluster.settle(AT_REST, CALM_MILLIS);
        assertTrue(runningIds(cluster).containsAll(before), "what ran goes on");
        assertEquals(3 * 8, runningIds(cluster).size());
        Set<String> running = runningIds(cluster);
        nodes.get(1).skew(0);
        nodes.get(2).skew(0);
        cluster.runFor(30_000);
        cluster.settle(AT_REST, CALM_MILLIS);
        assertEquals(running, runningIds(cluster));
        scale(cluster, 1, "ahead", 3);
        cluster.settle(AT_REST, CALM_MILLIS);
        assertEquals(3 + 8 + 8, runningIds(cluster).size(), "and it can still write");
    }

    /** Three weeks. Its containers have run all the while; meanwhile one service was deleted and another one changed. */
    @Test
    void aNodeThatWasAwayForWeeks() {
        GossipConfig rarely = GossipConfig.wan().withProbeInterval(Duration.ofMinutes(2)).withSyncInterval(Duration.ofMinutes(2));
        Simulation cluster = cluster(2, rarely); // otherwise these would be weeks of probes
        create(cluster, 0, Services.global("everywhere"));
        Document gone = create(cluster, 0, Services.replicated("gone", 10));
        cluster.settle(AT_REST, SLOW_CALM_MILLIS);
        SimNode away = cluster.nodes().get(3);
        Set<String> everywhere = tasksOf(cluster, away, "everywhere");
        assertEquals(1, everywhere.size());
        away.killAgent(); // its containers go on
        cluster.runFor(Duration.ofHours(2).toMillis());
        cluster.nodes().get(1).operate((core, now) -> core.delete(gone.uid(), now));
        Document late = create(cluster, 1, Services.replicated("late", 4));
        cluster.runFor(Duration.ofDays(21).toMillis());
        assertTrue(away.running().stream().anyMatch(task -> task.slot().serviceUid().equals(gone.uid())), "it still runs what was deleted");
        away.start();
        List<Invariant> atRest = List.of(new ViewsAreEqual(), new EachSlotRunsOnce(), new AcknowledgedWritesAreKept(() -> Set.of(gone.uid())));
        cluster.settle(atRest, SLOW_CALM_MILLIS);
        cluster.runFor(Duration.ofHours(1).toMillis());
        cluster.settle(atRest, SLOW_CALM_MILLIS);
        assertEquals(everywhere, tasksOf(cluster, away, "everywhere"), "what is still wanted of it was not restarted");
        assertTrue(cluster.nodes().stream().allMatch(node -> node.core().documents(Kind.SERVICE).size() == 2), "nothing deleted returned");
        assertTrue(cluster.nodes().stream().flatMap(node -> node.running().stream()).noneMatch(task -> task.slot().serviceUid().equals(gone.uid())));
        assertEquals(4, cluster.nodes().stream().flatMap(node -> node.running().stream())
                .filter(task -> task.slot().serviceUid().equals(late.uid())).count());
    }

    /** Found by random runs: it counted that boot again, and who had heard of the first one refused the second one's record as forged, for ever. */
    @Test
    void anOldDiskWithAClockThatIsBehindCountsNoBootTwice() {
        Simulation cluster = cluster(3, GossipConfig.lan());
        SimNode node = cluster.nodes().get(4);
        node.backUpDisk();
        node.powerCut();
        node.skew(-YEAR_MILLIS);
        node.start();
        cluster.settle(List.of(new ViewsAreEqual()), CALM_MILLIS);
        node.putBackDisk();
        cluster.partition(List.of(node));
        create(cluster, 0, Services.replicated("web", 5));
        node.start();
        cluster.runFor(10_000);
        node.operate((core, now) -> core.create(Kind.SERVICE, null, Services.replicated("island", 30).body(), now));
        cluster.runFor(10_000);
        assertEquals(30, node.running().size(), "its record is longer now than the one that the others have of it");
        cluster.heal();
        cluster.settle(AT_REST, CALM_MILLIS);
    }

    private static Simulation cluster(long seed, GossipConfig config) {
        Simulation cluster = new Simulation(seed, config);
        cluster.addNodes(5);
        cluster.always(new GenerationsNeverGoBack());
        cluster.always(new ClaimsNeverGoBack());
        cluster.startAll();
        cluster.settle(List.of(new ViewsAreEqual()), SLOW_CALM_MILLIS);
        cluster.runFor(10_000);
        return cluster;
    }

    private static Document create(Simulation cluster, int node, Services service) {
        return cluster.nodes().get(node).operate((core, now) -> core.create(Kind.SERVICE, null, service.body(), now));
    }

    private static void scale(Simulation cluster, int node, String name, int replicas) {
        cluster.nodes().get(node).operate((core, now) -> {
            Document here = find(core.documents(Kind.SERVICE), name);
            return core.update(here.uid(), here.object().generation(), Services.replicated(name, replicas).body(), now);
        });
    }

    private static Document find(List<Document> documents, String name) {
        return documents.stream().filter(document -> document.name().equals(name)).findFirst().orElseThrow();
    }

    private static Set<String> tasksOf(Simulation cluster, SimNode node, String service) {
        String uid = find(cluster.nodes().get(0).core().documents(Kind.SERVICE), service).uid();
        return node.running().stream().filter(task -> task.slot().serviceUid().equals(uid)).map(Task::id).collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> runningIds(Simulation cluster) {
        return cluster.nodes().stream().flatMap(node -> node.running().stream()).map(Task::id).collect(Collectors.toCollection(TreeSet::new));
    }
}
