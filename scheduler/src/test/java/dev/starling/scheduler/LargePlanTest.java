package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.plan.Choice;
import dev.starling.scheduler.plan.Planner;
import dev.starling.scheduler.slot.SlotIndex;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * 100,000 slots over 1,000 nodes. The bounds are generous, since tests share their machine; the numbers printed are what docs/SCHEDULER.md
 * quotes, and are those of {@code -Dlarge.all=true}, which measures more. The agent runs with C1 only
 * (deploy/jvm.options): {@code JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1}.
 */
class LargePlanTest {
    private static final int NODES = 1_000;
    private static final int SLOTS = 100_000;
    private static final long BOUND_MILLIS = 30_000;
    private static final int ROUNDS = Boolean.getBoolean("large.all") ? 20 : 3;

    private static List<NodeView> nodes() {
        return IntStream.rangeClosed(1, NODES).mapToObj(number -> Given.labelled(Given.with(Given.node(number),
                new Resources(200 * Given.CORE, 200 * Given.GIB)), "zone", "z" + number % 7)).toList();
    }

    private static View view(int services, String... spread) {
        return Given.view(nodes(), IntStream.rangeClosed(1, services).mapToObj(number -> Given.service("service" + number, SLOTS / services)
                .reserves(Given.CORE / 10, Given.GIB / 10).spread(spread)).toList(), List.of());
    }

    @Test
    void placesAHundredThousandSlotsEvenly() {
        report("100 services of 1,000", view(100), 1);
        report("10,000 services of 10", view(10_000), 1);
        if (Boolean.getBoolean("large.all")) {
            report("1 service of 100,000", view(1), 1);
            report("100 services of 1,000, spread over 7 zones", view(100, "node.labels.zone"), Integer.MAX_VALUE);
        }
    }

    private static void report(String what, View view, int unevenness) {
        plan(view); // the code is warm in an agent that runs
        List<Choice> choices = new ArrayList<>();
        long millis = millis(() -> choices.addAll(plan(view)));
        SortedMap<NodeId, Integer> perNode = new TreeMap<>();
        choices.forEach(choice -> perNode.merge(choice.first(), 1, Integer::sum));
        int most = perNode.values().stream().mapToInt(Integer::intValue).max().orElseThrow();
        int least = perNode.values().stream().mapToInt(Integer::intValue).min().orElseThrow();
        System.out.printf("plan of %,d slots over %,d nodes, %s: %d ms, %d to %d a node%n", SLOTS, NODES, what, millis, least, most);
        assertEquals(SLOTS, choices.size());
        assertTrue(most - least <= unevenness, "between " + least + " and " + most + " slots a node");
        assertTrue(millis < BOUND_MILLIS, "took " + millis + " ms");
    }

    private static List<Choice> plan(View view) {
        return Planner.plan(view, new SlotIndex().table(view), Given.id(1));
    }

    /** A step of a node that has a hundred of the tasks, with nothing to do, and after another node has died. */
    @Test
    void aChangeOfOneNodeCostsWhatItTouches() {
        View empty = view(100);
        SortedMap<NodeId, List<Task>> tasks = new TreeMap<>();
        int number = 0;
        for (Choice choice : plan(empty)) {
            tasks.computeIfAbsent(choice.first(), node -> new ArrayList<>())
                    .add(Given.task(String.format("task%06d", number++), choice.slot(), choice.first(), TaskState.RUNNING, 1));
        }
        View full = empty.withTasks(tasks);
        Scheduler scheduler = new Scheduler(Given.id(1), SchedulerConfig.defaults(), new Random(1));
        scheduler.restore(tasks.get(Given.id(1)), List.of(), List.of(), List.of());
        tasks.get(Given.id(1)).forEach(task -> scheduler.report(new TaskReport(task.id(), TaskState.RUNNING, "", "", -1, "c", 1), new Time(0, 1)));
        long first = millis(() -> scheduler.step(full, new Time(0, 1)));
        long nothing = 0;
        long death = 0;
        long workedOut = scheduler.slotsWorkedOut();
        View now = full;
        for (int round = 1; round <= ROUNDS; round++) {
            long at = round * 100_000L;
            SortedMap<NodeId, NodeView> nodes = new TreeMap<>(full.nodes());
            nodes.put(Given.id(1 + round), nodes.get(Given.id(1 + round)).withReady(false));
            View dead = full.withNodes(nodes);
            death += micros(() -> scheduler.step(dead, new Time(at, at)));
            scheduler.step(full, new Time(at + 1, at + 1));
            SortedMap<NodeId, List<Task>> changed = new TreeMap<>(full.tasks());
            changed.put(Given.id(2), Collections.unmodifiableList(new ArrayList<>(changed.get(Given.id(2)))));
            now = full.withTasks(changed);
            View next = now;
            nothing += micros(() -> scheduler.step(next, new Time(at + 2, at + 2)));
        }
        System.out.printf("step with %,d tasks on %,d nodes: first %d ms; another node's record changed %d us; a node of 100 tasks died %d us%n",
                SLOTS, NODES, first, nothing / ROUNDS, death / ROUNDS);
        assertEquals(100L * ROUNDS, scheduler.slotsWorkedOut() - workedOut, "slots worked out: those of the nodes that died");
        assertTrue(death / ROUNDS < 10_000_000, "took " + death / ROUNDS + " us");
    }

    private static long millis(Runnable work) {
        return micros(work) / 1_000;
    }

    /** Of the core that did the work: others use the machine too. */
    private static long micros(Runnable work) {
        long started = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        work.run();
        return (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - started) / 1_000;
    }
}
