package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.chaos.invariant.AtMostInChange;
import dev.starling.chaos.invariant.CapacityRespected;
import dev.starling.chaos.invariant.ClaimsNeverGoBack;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.ExclusiveSlotsRunOnce;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.NodeInvariant;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Task;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What Starling's own labels promise: partition policies, drain start-first, rebalancing. */
class SitePolicyTest {
    private static final List<Invariant> AT_REST = List.of(new ViewsAreEqual(), new EachSlotRunsOnce());
    private static final long CALM_MILLIS = 90_000;

    private final ExclusiveSlotsRunOnce exclusive = new ExclusiveSlotsRunOnce();

    @Test
    void anExclusiveSlotMovesToTheSideWithItsStewardsAndNeverRunsTwice() {
        Simulation cluster = cluster(1, 7);
        create(cluster, Services.replicated("db", 6).exclusive(ids(cluster)));
        cluster.settle(AT_REST, CALM_MILLIS);
        List<SimNode> side = cluster.nodes().subList(0, 3);
        cluster.partition(side);
        List<SimNode> rest = cluster.nodes().subList(3, 7);
        long cut = cluster.now();
        assertTrue(cluster.runUntil(() -> slots(cluster.nodes()).size() == 6 && running(rest) + running(side) == 6
                && cluster.now() - cut > 30_000, 90_000), () -> running(side) + " and " + running(rest));
        System.out.printf("7 nodes, partition 3 | 4, 6 exclusive slots: %d and %d run; %d successions%n", running(side), running(rest), exclusive.successions());
        assertTrue(exclusive.successions() > 0, "no slot changed sides");
        cluster.heal();
        cluster.settle(AT_REST, CALM_MILLIS);
    }

    @Test
    void anExclusiveSlotOfADeadNodeIsTakenOverAfterItsLease() {
        Simulation cluster = cluster(2, 5);
        create(cluster, Services.replicated("db", 1).exclusive(ids(cluster)));
        cluster.settle(AT_REST, CALM_MILLIS);
        SimNode holder = cluster.nodes().stream().filter(node -> !node.running().isEmpty()).findFirst().orElseThrow();
        long first = holder.running().iterator().next().fencingToken();
        holder.powerCut();
        long died = cluster.now();
        assertTrue(cluster.runUntil(() -> running(cluster.upNodes()) == 1, 60_000));
        System.out.printf("5 nodes, an exclusive slot of a dead node runs elsewhere after %d virtual ms%n", cluster.now() - died);
        long second = cluster.upNodes().stream().flatMap(node -> node.running().stream()).findFirst().orElseThrow().fencingToken();
        assertTrue(second > first, () -> second + " after " + first);
        holder.start();
        cluster.settle(AT_REST, CALM_MILLIS);
    }

    @Test
    void anExclusiveSlotIsHandedOverAtOnceWhereItsNodeIsDrained() {
        Simulation cluster = cluster(3, 5);
        create(cluster, Services.replicated("db", 3).exclusive(ids(cluster)));
        cluster.settle(AT_REST, CALM_MILLIS);
        SimNode holder = cluster.nodes().stream().filter(node -> !node.running().isEmpty()).findFirst().orElseThrow();
        long began = cluster.now();
        availability(cluster, holder, "drain");
        assertTrue(cluster.runUntil(() -> holder.running().isEmpty() && slots(cluster.nodes()).size() == 3, 20_000));
        System.out.printf("5 nodes, an exclusive slot of a drained node runs elsewhere after %d virtual ms%n", cluster.now() - began);
        assertTrue(cluster.now() - began < 10_000, "it need not wait for the lease");
    }

    @Test
    void theStewardsOfASlotFollowTheNodesOfTheCluster() {
        Simulation cluster = cluster(4, 1);
        create(cluster, Services.replicated("db", 1).exclusive(ids(cluster)));
        cluster.settle(AT_REST, CALM_MILLIS);
        for (int i = 0; i < 4; i++) {
            SimNode node = cluster.addNode(Role.MANAGER, new Resources(4_000_000_000L, 4L << 30));
            node.start();
            cluster.enrol(node);
        }
        cluster.settle(AT_REST, CALM_MILLIS);
        cluster.runFor(10_000);
        SimNode old = cluster.nodes().get(0);
        assertEquals(1, old.running().size());
        cluster.settle(AT_REST, CALM_MILLIS);
        old.powerCut(); // the one steward that the slot had at first
        assertTrue(cluster.runUntil(() -> running(cluster.upNodes()) == 1, 60_000), "the first steward is still needed");
        old.start();
        cluster.settle(AT_REST, CALM_MILLIS);
    }

    @Test
    void aMinorityStartsNothingOfAMajorityServiceAndKeepsWhatRuns() {
        Simulation cluster = cluster(5, 7);
        create(cluster, Services.replicated("web", 14).label("starling.partition", "majority"));
        cluster.settle(AT_REST, CALM_MILLIS);
        List<SimNode> side = cluster.nodes().subList(0, 3);
        Set<String> before = taskIds(side);
        cluster.partition(side);
        cluster.runFor(30_000);
        assertEquals(before, taskIds(side), "the smaller side goes on with what it has and starts nothing");
        assertEquals(14, running(cluster.nodes().subList(3, 7)), "the larger side runs all");
        cluster.heal();
        cluster.settle(AT_REST, CALM_MILLIS);
    }

    @Test
    void drainMovesStartFirstWhereTheServiceIsUpdatedSo() {
        Simulation cluster = cluster(6, 5);
        Document web = create(cluster, Services.replicated("web", 10).startFirst());
        cluster.settle(AT_REST, CALM_MILLIS);
        cluster.always(neverFewerThan(10, web));
        SimNode drained = cluster.nodes().get(2);
        availability(cluster, drained, "drain");
        assertTrue(cluster.runUntil(() -> drained.running().isEmpty(), 20_000), "it is not drained");
        assertEquals(10, slots(cluster.nodes()).size());
    }

    @Test
    void aNodeThatComesGetsItsShareAndThenNothingMoves() {
        Simulation cluster = cluster(7, 4);
        Document web = create(cluster, Services.replicated("web", 20));
        create(cluster, Services.replicated("stays", 8).label("starling.rebalance", "off"));
        cluster.settle(AT_REST, CALM_MILLIS);
        cluster.always(neverFewerThan(20, web));
        SimNode fresh = cluster.addNode(Role.MANAGER, new Resources(4_000_000_000L, 4L << 30));
        fresh.start();
        cluster.enrol(fresh);
        cluster.runFor(8_000);
        assertEquals(0, fresh.running().size(), "not before the service has been uneven for 10 s");
        assertTrue(cluster.runUntil(() -> fresh.running().size() == 4, 60_000), () -> fresh.running().size() + " tasks have moved");
        cluster.settle(AT_REST, CALM_MILLIS);
        Set<String> even = taskIds(cluster.nodes());
        cluster.runFor(120_000);
        assertEquals(even, taskIds(cluster.nodes()), "once even, nothing moves");
        Map<NodeId, Integer> perNode = new TreeMap<>();
        cluster.nodes().forEach(node -> perNode.put(node.id(), (int) node.running().stream().filter(task -> task.slot().serviceUid().equals(web.uid())).count()));
        assertTrue(perNode.values().stream().allMatch(count -> count == 4), perNode::toString);
    }

    /** Found by random runs: it had a later claim on each slot from the time when it was cut off, and so took none of them over again. */
    @Test
    void aNodeThatOnceRanDuplicatesGetsItsShareAgain() {
        Simulation cluster = cluster(9, 4);
        create(cluster, Services.replicated("web", 12));
        cluster.settle(AT_REST, CALM_MILLIS);
        SimNode node = cluster.nodes().get(3);
        cluster.partition(List.of(node));
        assertTrue(cluster.runUntil(() -> node.running().size() == 12, 30_000), "it runs all, alone");
        cluster.heal();
        cluster.settle(AT_REST, CALM_MILLIS);
        node.powerCut();
        assertTrue(cluster.runUntil(() -> running(cluster.upNodes()) == 12, 30_000), "the others have taken over");
        node.start();
        assertTrue(cluster.runUntil(() -> node.running().size() == 3, 180_000), () -> node.running().size() + " tasks have moved");
        cluster.settle(AT_REST, CALM_MILLIS);
    }

    @Test
    void anIslandStartsWhatItHadAfterAPowerCut() {
        Simulation cluster = cluster(8, 5);
        create(cluster, Services.replicated("web", 10));
        cluster.settle(AT_REST, CALM_MILLIS);
        SimNode island = cluster.nodes().get(1);
        Set<String> had = slots(List.of(island));
        cluster.nodes().forEach(SimNode::powerCut);
        island.start();
        assertTrue(cluster.runUntil(() -> slots(List.of(island)).containsAll(had), 15_000), () -> slots(List.of(island)) + " of " + had);
    }

    private static NodeInvariant neverFewerThan(int wanted, Document service) {
        return new AtMostInChange(service.uid(), wanted, 0);
    }

    private Simulation cluster(long seed, int nodes) {
        Simulation cluster = new Simulation(seed);
        cluster.rebalanceAfter(Duration.ofSeconds(10), Duration.ofSeconds(2));
        cluster.addNodes(nodes);
        cluster.always(new CapacityRespected());
        cluster.always(new ClaimsNeverGoBack());
        cluster.always(exclusive);
        cluster.startAll();
        cluster.settle(List.of(new ViewsAreEqual()), 60_000);
        return cluster;
    }

    private static Document create(Simulation cluster, Services service) {
        return cluster.nodes().get(0).operate((core, now) -> core.create(Kind.SERVICE, null, service.body(), now));
    }

    private static void availability(Simulation cluster, SimNode which, String value) {
        cluster.nodes().get(0).operate((core, now) -> {
            Document here = core.documents(Kind.NODE).stream().filter(node -> node.uid().equals(which.id().value())).findFirst().orElseThrow();
            ObjectNode body = here.body().deepCopy();
            body.withObject("/Spec").put("Availability", value);
            return core.update(here.uid(), here.object().generation(), body, now);
        });
    }

    private static List<NodeId> ids(Simulation cluster) {
        return cluster.nodes().stream().map(SimNode::id).toList();
    }

    private static int running(Collection<SimNode> nodes) {
        return nodes.stream().mapToInt(node -> node.running().size()).sum();
    }

    private static Set<String> slots(Collection<SimNode> nodes) {
        return nodes.stream().flatMap(node -> node.running().stream()).map(task -> task.slot().toString()).collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> taskIds(Collection<SimNode> nodes) {
        return nodes.stream().flatMap(node -> node.running().stream()).map(Task::id).collect(Collectors.toCollection(TreeSet::new));
    }
}
