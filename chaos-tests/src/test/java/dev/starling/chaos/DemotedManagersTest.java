package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.RolesAreAsAsked;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.core.WriteRefusedException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A manager that becomes a worker, or is removed: what it wrote before stays, and it writes no more. */
class DemotedManagersTest {
    private static final List<Invariant> AT_REST = List.of(new ViewsAreEqual(), new EachSlotRunsOnce(), new RolesAreAsAsked());
    private static final long CALM_MILLIS = 60_000;
    private static final long DAY_MILLIS = Duration.ofDays(1).toMillis();

    private final Simulation cluster = new Simulation(1);
    private SimNode first;
    private SimNode demoted;
    private SimNode away;

    @BeforeEach
    void start() {
        cluster.addNodes(5);
        cluster.startAll();
        cluster.settle(AT_REST, CALM_MILLIS);
        first = cluster.nodes().get(0);
        demoted = cluster.nodes().get(1);
        away = cluster.nodes().get(2);
    }

    /** By a sound clock it was written a day after the demotion, and a node that was away has not got it yet. */
    @Test
    void whatOneWroteWithAClockThatIsAheadIsTakenInAfterItsDemotion() {
        away.killAgent();
        demoted.skew(DAY_MILLIS);
        create(demoted, "web");
        cluster.runFor(5_000);
        changeRole("worker");
        cluster.runFor(10_000);
        away.start();
        cluster.settle(AT_REST, CALM_MILLIS);
        assertEquals(1, away.core().documents(Kind.SERVICE).size());
    }

    @Test
    void aNodeThatJoinsTakesInWhatARemovedManagerWroteWithAClockThatIsAhead() {
        demoted.skew(DAY_MILLIS);
        create(demoted, "web");
        cluster.runFor(5_000);
        cluster.remove(demoted, first);
        cluster.runFor(10_000);
        SimNode fresh = cluster.join(Role.WORKER, first);
        cluster.settle(AT_REST, CALM_MILLIS);
        assertEquals(1, fresh.core().documents(Kind.SERVICE).size());
    }

    @Test
    void oneThatIsCutOffBecomesAWorkerWhenItHearsOfItAndCanComeBack() {
        cluster.partition(List.of(demoted));
        changeRole("worker");
        cluster.runFor(60_000);
        assertEquals(Role.MANAGER, demoted.role(), "nobody told it");
        cluster.network().heal();
        cluster.settle(AT_REST, CALM_MILLIS);
        assertEquals(Role.WORKER, demoted.role());
        assertEquals(WriteRefusedException.Reason.NOT_A_MANAGER, assertThrows(WriteRefusedException.class, () -> create(demoted, "web")).reason());
        changeRole("manager");
        cluster.settle(AT_REST, CALM_MILLIS);
        create(demoted, "web");
        cluster.settle(AT_REST, CALM_MILLIS);
        assertTrue(away.core().documents(Kind.SERVICE).stream().anyMatch(service -> service.name().equals("web")));
    }

    /** Found by a random run: those that had heard of the demotion refused it for good, and an update by a manager that is one which it had amended with it. */
    @Test
    void whatOneWroteOnItsSideOfAPartitionLongAfterItsDemotionIsTakenInThroughAManagerThatHasIt() {
        cluster.partition(List.of(demoted, away));
        changeRole("worker");
        cluster.runFor(40_000);
        create(demoted, "web");
        cluster.runFor(5_000);
        assertEquals(1, away.core().documents(Kind.SERVICE).size());
        cluster.network().heal();
        cluster.settle(AT_REST, CALM_MILLIS);
        assertEquals(Role.WORKER, demoted.role());
        assertEquals(away.id(), first.core().documents(Kind.SERVICE).get(0).object().writer());
    }

    /** The promotion is nowhere by itself any more: the promoted node has changed its own document since. */
    @Test
    void whoMissedAPromotionBelievesWhoWasPromoted() {
        changeRole("worker");
        cluster.settle(AT_REST, CALM_MILLIS);
        away.killAgent();
        changeRole("manager");
        cluster.settle(AT_REST, CALM_MILLIS);
        cluster.runFor(CALM_MILLIS); // longer than the grace after the demotion
        change(demoted, "Labels", JsonNodeFactory.instance.objectNode().put("rack", "4"));
        create(demoted, "web");
        cluster.settle(AT_REST, CALM_MILLIS);
        away.start();
        cluster.settle(AT_REST, CALM_MILLIS);
        assertTrue(away.core().documents(Kind.SERVICE).stream().anyMatch(service -> service.name().equals("web")));
    }

    /** The other way round nothing is believed: the certificate that made it a manager is older than the demotion. */
    @Test
    void aPromotionBeforeTheDemotionIsNoExcuse() {
        changeRole("worker");
        cluster.settle(AT_REST, CALM_MILLIS);
        changeRole("manager");
        cluster.settle(AT_REST, CALM_MILLIS);
        cluster.partition(List.of(demoted));
        changeRole("worker");
        cluster.runFor(CALM_MILLIS);
        create(demoted, "late");
        cluster.network().heal();
        cluster.runFor(CALM_MILLIS);
        assertEquals(Role.WORKER, demoted.role());
        assertEquals(0, away.core().documents(Kind.SERVICE).size());
    }

    private static void create(SimNode manager, String name) {
        manager.operate((core, now) -> core.create(Kind.SERVICE, null, Services.replicated(name, 3).body(), now));
    }

    private void changeRole(String role) {
        change(first, "Role", TextNode.valueOf(role));
    }

    /** Changes the document of {@link #demoted}. */
    private void change(SimNode at, String field, JsonNode value) {
        at.operate((core, now) -> {
            Document node = core.snapshot().document(Kind.NODE, demoted.id().value());
            ObjectNode body = node.body().deepCopy();
            body.withObject("/Spec").set(field, value);
            return core.update(node.uid(), node.object().generation(), body, now);
        });
    }
}
