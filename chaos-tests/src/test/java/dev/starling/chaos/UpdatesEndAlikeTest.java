package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.chaos.invariant.AcknowledgedWritesAreKept;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.GenerationsNeverGoBack;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.spec.UpdateStatus;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.UpdateStage;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Rollbacks and autoscaling by whole nodes with their real documents and messages: all nodes come to the same, and operators have the last word. */
class UpdatesEndAlikeTest {
    private static final List<Invariant> AT_REST = List.of(new ViewsAreEqual(), new EachSlotRunsOnce(), new AcknowledgedWritesAreKept());
    private static final long CALM_MILLIS = 120_000;

    private static Simulation cluster(long seed, int nodes) {
        Simulation cluster = new Simulation(seed);
        cluster.addNodes(nodes);
        cluster.always(new GenerationsNeverGoBack());
        cluster.startAll();
        cluster.settle(List.of(new ViewsAreEqual()), CALM_MILLIS);
        return cluster;
    }

    /** As the API writes it for {@code docker service update --image ... --update-failure-action rollback}. */
    private static ObjectNode updated(Document before, String image) {
        ObjectNode body = Services.replicated(before.name(), 6).image(image).updating(1).body();
        body.withObject("/Spec/UpdateConfig").put("FailureAction", "rollback");
        body.set("PreviousSpec", before.spec());
        UpdateStatus.updated(body, before);
        return body;
    }

    private static void update(SimNode node, String image) {
        node.operate((core, now) -> {
            Document here = service(node);
            return core.update(here.uid(), here.object().generation(), updated(here, image), now);
        });
    }

    private static Document service(SimNode node) {
        return node.core().documents(Kind.SERVICE).get(0);
    }

    private static String image(SimNode node) {
        return service(node).spec().path("TaskTemplate").path("ContainerSpec").path("Image").asText();
    }

    private static boolean allSee(Simulation cluster, UpdateStage stage) {
        return cluster.upNodes().stream().allMatch(node -> UpdateStatus.of(service(node)).stage() == stage);
    }

    private static Set<String> runningImages(Simulation cluster) {
        Set<String> images = new TreeSet<>();
        cluster.upNodes().forEach(node -> node.running().forEach(task -> images.add(task.image())));
        return images;
    }

    @Test
    void aBadImageIsRolledBackByAllWhateverTheNetworkDoes() {
        for (int seed = 1; seed <= 6; seed++) {
            Random random = new Random(seed);
            Simulation cluster = cluster(seed, 5);
            cluster.nodes().get(0).operate((core, now) -> core.create(Kind.SERVICE, null, Services.replicated("web", 6).updating(1).body(), now));
            cluster.settle(AT_REST, CALM_MILLIS);
            cluster.network().loss(0.1);
            update(cluster.nodes().get(random.nextInt(5)), random.nextBoolean() ? "missing" : "crash");
            cluster.runFor(random.nextInt(3_000));
            cluster.partition(cluster.nodes().subList(0, 1 + random.nextInt(4)));
            cluster.runFor(random.nextInt(20_000));
            cluster.heal();
            assertTrue(cluster.runUntil(() -> allSee(cluster, UpdateStage.ROLLBACK_COMPLETED), CALM_MILLIS), "seed " + seed);
            cluster.settle(AT_REST, CALM_MILLIS);
            assertEquals(Set.of("busybox:latest"), runningImages(cluster), "seed " + seed);
        }
    }

    @Test
    void anOperatorsWriteOnOneSidePrevailsOverTheRollbackOnTheOther() {
        Simulation cluster = cluster(9, 5);
        cluster.nodes().get(0).operate((core, now) -> core.create(Kind.SERVICE, null, Services.replicated("web", 6).updating(1).body(), now));
        cluster.settle(AT_REST, CALM_MILLIS);
        update(cluster.nodes().get(0), "crash");
        cluster.runFor(400);
        cluster.partition(cluster.nodes().subList(0, 2));
        update(cluster.nodes().get(0), "mended:3");
        assertTrue(cluster.runUntil(() -> image(cluster.nodes().get(4)).equals("busybox:latest"), CALM_MILLIS), "the other side rolls back");
        cluster.runFor(20_000);
        cluster.heal();
        assertTrue(cluster.runUntil(() -> allSee(cluster, UpdateStage.COMPLETED), CALM_MILLIS));
        cluster.settle(AT_REST, CALM_MILLIS);
        assertEquals(Set.of("mended:3"), runningImages(cluster));
    }

    @Test
    void aLoadThatIsToldChangesTheNumberOnAllNodesWithinOneGeneration() {
        Simulation cluster = cluster(3, 5);
        Document web = cluster.nodes().get(0).operate((core, now) -> core.create(Kind.SERVICE, null, Services.replicated("web", 2)
                .label("starling.autoscale.max", "4").label("starling.autoscale.cpu", "50").label("starling.autoscale.cooldown", "8s").body(), now));
        cluster.settle(AT_REST, CALM_MILLIS);
        loaded(cluster, web, 16, 20);
        assertEquals(4, running(cluster), "twice the wanted load");
        loaded(cluster, web, 2, 40);
        assertEquals(1, running(cluster), "a quarter of the wanted load");
        cluster.settle(AT_REST, CALM_MILLIS);
        assertEquals(web.object().generation(), service(cluster.nodes().get(3)).object().generation(), "an operator's next write finds the generation it read");
    }

    /** Each node tells of the tasks that it runs, each second anew. */
    private static void loaded(Simulation cluster, Document web, int level, int seconds) {
        for (int second = 0; second < seconds; second++) {
            cluster.nodes().forEach(node -> node.operate((core, now) -> {
                core.load(node.running().isEmpty() ? List.of() : List.of(new ServiceLoad(web.uid(), node.running().size(), level, 0)), now);
                return null;
            }));
            cluster.runFor(1_000);
        }
    }

    private static int running(Simulation cluster) {
        return cluster.nodes().stream().mapToInt(node -> node.running().size()).sum();
    }
}
