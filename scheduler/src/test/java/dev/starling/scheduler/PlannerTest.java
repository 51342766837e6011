package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.filter.Constraint;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.plan.Choice;
import dev.starling.scheduler.plan.Explain;
import dev.starling.scheduler.plan.Pending;
import dev.starling.scheduler.plan.Planner;
import dev.starling.scheduler.slot.Precedence;
import dev.starling.scheduler.slot.SlotTable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The pure functions: constraints, filters with their explanations, ranking. */
class PlannerTest {
    private static final NodeView NODE = Given.labelled(Given.labelled(Given.node(1), "zone", "A"), "tier", "edge");

    @ParameterizedTest
    @CsvSource({
        "node.labels.zone==a, true", "node.labels.zone != a, false", "node.labels.zone==b, false", "node.labels.absent==a, false",
        "node.labels.absent!=a, true", "NODE.ID==node01, true", "node.hostname==host1, true", "node.hostname!=host1, false",
        "node.ip==10.88.0.11, true", "node.ip==10.88.0.0/24, true", "node.ip!=10.88.0.0/24, false", "node.ip==10.89.0.0/24, false",
        "node.role==manager, true", "node.role!=Manager, false", "node.role==worker, false", "node.platform.os==linux, true",
        "node.platform.arch==amd64, true", "node.platform.arch==x86_64, true", "node.platform.arch!=aarch64, true",
        "engine.labels.gpu==yes, false",
    })
    void constraintsMatchAsInDocker(String text, boolean expected) {
        assertEquals(expected, Constraint.parse(text).matches(NODE));
    }

    @ParameterizedTest
    @ValueSource(strings = {"node.labels.zone", "node.labels.zone=a", "==a", "node.labels.zone==", "node.labels.==a", "node.colour==red", "zone==a",
        "node.role==king", "node.ip==10.0.0.0/99", "node.labels.zone==a;b", "node labels==a"})
    void constraintsThatCannotBeAreRefusedWithASentence(String text) {
        String message = assertThrows(IllegalArgumentException.class, () -> Constraint.parse(text)).getMessage();
        assertTrue(message.length() > 20, message);
    }

    @ParameterizedTest
    @CsvSource({"x86_64, amd64, true", "amd64, x86_64, true", "aarch64, arm64, true", "armv7l, arm, true", "armv7l, arm64, false",
        "x86_64, arm64, false", "armv6l, arm/v7, false", "armv7l, armv6, true", "arm, armv7, true", "aarch64, arm64/v8, true", "riscv64, riscv64, true", "x86_64, '', true"})
    void architecturesGoByManyNames(String node, String image, boolean expected) {
        assertEquals(expected, new Platform("linux", node).runs(new Platform("linux", image)));
    }

    @Test
    void everyNodeThatCannotTakeASlotSaysWhy() {
        List<NodeView> nodes = List.of(
                Given.ready(Given.node(1), false), Given.with(Given.node(2), Availability.DRAIN),
                Given.with(Given.node(3), new Platform("linux", "aarch64")), Given.labelled(Given.node(4), "disk", "hdd"),
                Given.with(Given.node(5), new Resources(Given.CORE, 64 * Given.GIB)), Given.with(Given.node(6), new Resources(8 * Given.CORE, Given.GIB)));
        Given.Service service = Given.service("web", 1).platforms(new Platform("linux", "amd64")).constraints("node.labels.disk!=hdd")
                .reserves(2 * Given.CORE, 2 * Given.GIB);
        View view = Given.view(nodes, List.of(service), List.of());
        Explain explain = Explain.slot(view, Slot.replica("web", 1)).orElseThrow();
        assertEquals("no suitable node: 1 down, 1 drained, 1 wrong platform, 1 outside the constraints, 1 lacks CPU, 1 lacks memory", explain.summary());
        assertEquals("insufficient memory: wants 2048.0 MiB, 1024.0 MiB free", explain.verdicts().get(5).text());
        assertEquals(explain.summary(), Pending.tasks(view).get(0).reason());
        assertNull(Planner.plan(view, SlotTable.of(view), Given.id(1)).get(0).first());
    }

    @Test
    void aConstraintOfANewerVersionSuitsNoNodeAndBreaksNothing() {
        View view = Given.view(List.of(Given.node(1)), List.of(Given.service("web", 1).constraints("node.colour==red")), List.of());
        assertEquals("no suitable node: 1 outside the constraints", Pending.tasks(view).get(0).reason());
    }

    @Test
    void theRankingGoesByTasksThenPriceThenHash() {
        List<NodeView> nodes = List.of(Given.node(1), Given.node(2), Given.with(Given.node(3), new Resources(Given.CORE, Given.GIB)));
        Given.Service service = Given.service("web", 2).reserves(Given.CORE / 2, 0);
        View view = Given.view(nodes, List.of(service), List.of(Given.task("t", Slot.replica("web", 1), Given.id(1), TaskState.RUNNING, 1)));
        assertEquals(List.of(Given.id(2), Given.id(3), Given.id(1)), ranking(view, 0), "fewest tasks, then the roomier node");
        view.refusals().put(Given.id(2), List.of(new Refusal(Slot.replica("web", 2), "no", 1)));
        assertEquals(List.of(Given.id(3), Given.id(1)), ranking(view, 0), "who refused is skipped");
    }

    private static List<NodeId> ranking(View view, int slot) {
        Map<Integer, NodeId> byPosition = new TreeMap<>();
        for (NodeId node : view.nodes().keySet()) {
            Choice choice = Planner.plan(view, SlotTable.of(view), node).get(slot);
            if (choice.position() >= 0) {
                assertNull(byPosition.put(choice.position(), node), "two nodes think they are number " + choice.position());
                assertEquals(choice.position() == 0, node.equals(choice.first()));
            }
        }
        return List.copyOf(byPosition.values());
    }

    @Test
    void anImageAtHandBreaksATieButIsNoFilter() {
        Given.Service service = Given.service("web", 2).image("app:1");
        NodeView without = new NodeView(Given.id(2), "host2", "10.0.0.2", Given.node(2).role(), true, Availability.ACTIVE, new TreeMap<>(),
                new TreeMap<>(), Given.node(2).platform(), Given.node(2).capacity(), new TreeSet<>());
        View view = Given.view(List.of(Given.node(1), without), List.of(service), List.of());
        assertEquals(List.of(Given.id(1), Given.id(2)),
                Planner.plan(view, SlotTable.of(view), Given.id(1)).stream().map(Choice::first).toList());
    }

    @Test
    void theWinnerOfASlotIsTheSameInWhateverOrderClaimsAreSeen() {
        Slot slot = Slot.replica("web", 1);
        Task runsLate = Given.task("a", slot, Given.id(1), TaskState.RUNNING, 50);
        Task runsEarly = Given.task("b", slot, Given.id(2), TaskState.RUNNING, 40);
        Task startsEarliest = Given.task("c", slot, Given.id(3), TaskState.STARTING, 1);
        List<Task> claims = new ArrayList<>(List.of(runsLate, runsEarly, startsEarliest));
        for (int seed = 0; seed < 6; seed++) {
            Collections.shuffle(claims, new Random(seed));
            assertEquals(List.of("b", "a", "c"), claims.stream().sorted(Precedence.ORDER).map(Task::id).toList());
        }
    }

    @Test
    void claimsOfDeadAndDrainedNodesOwnNothing() {
        List<NodeView> nodes = List.of(Given.ready(Given.node(1), false), Given.with(Given.node(2), Availability.DRAIN), Given.node(3));
        View view = Given.view(nodes, List.of(Given.service("web", 3)), List.of(
                Given.task("a", Slot.replica("web", 4), Given.id(1), TaskState.RUNNING, 1),
                Given.task("b", Slot.replica("web", 5), Given.id(2), TaskState.RUNNING, 1),
                Given.task("c", Slot.replica("web", 6), Given.id(3), TaskState.RUNNING, 1)));
        assertEquals(List.of(4, 5), Planner.plan(view, SlotTable.of(view), Given.id(3)).stream().map(choice -> choice.slot().index()).toList());
    }

    @Test
    void aThousandSlotsOverAHundredNodesTakeMilliseconds() {
        List<NodeView> nodes = IntStream.rangeClosed(1, 100).mapToObj(i -> Given.with(Given.node(i), new Resources(100 * Given.CORE, 100 * Given.GIB))).toList();
        View view = Given.view(nodes, List.of(Given.service("web", 1_000).reserves(Given.CORE, Given.GIB).spread("node.labels.zone")), List.of());
        long best = Long.MAX_VALUE;
        List<Choice> plan = List.of();
        for (int i = 0; i < 20; i++) {
            long start = System.nanoTime();
            plan = Planner.plan(view, SlotTable.of(view), Given.id(1));
            best = Math.min(best, System.nanoTime() - start);
        }
        Map<NodeId, Long> spread = plan.stream().collect(Collectors.groupingBy(Choice::first, Collectors.counting()));
        assertTrue(spread.size() == 100 && spread.values().stream().allMatch(count -> count == 10), spread::toString);
        System.out.println("plan of 1,000 slots over 100 nodes: " + best / 1_000 + " us");
        assertTrue(best < 500_000_000, "took " + best / 1_000_000 + " ms");
        assertFalse(plan.isEmpty());
    }

    @Test
    void aStepOverAThousandTasksTakesMilliseconds() {
        View empty = Given.view(List.of(Given.node(1)), List.of(Given.service("web", 1_000).constraints("node.role==manager")), List.of());
        long bestClaim = Long.MAX_VALUE;
        long bestIdle = Long.MAX_VALUE;
        for (int i = 0; i < 10; i++) {
            Scheduler scheduler = new Scheduler(Given.id(1), SchedulerConfig.defaults(), new Random(1));
            long start = System.nanoTime();
            assertEquals(2_000, scheduler.step(empty, new Time(0, 0)).size(), "a put and a start for each");
            long claimed = System.nanoTime();
            assertEquals(0, scheduler.step(empty, new Time(0, 0)).size());
            bestClaim = Math.min(bestClaim, claimed - start);
            bestIdle = Math.min(bestIdle, System.nanoTime() - claimed);
        }
        System.out.println("step that claims 1,000 slots: " + bestClaim / 1_000 + " us, step with 1,000 tasks and nothing to do: " + bestIdle / 1_000 + " us");
        assertTrue(bestClaim < 2_000_000_000L && bestIdle < 500_000_000L, bestClaim + ", " + bestIdle);
    }
}
