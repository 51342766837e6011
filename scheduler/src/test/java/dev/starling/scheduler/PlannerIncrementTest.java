package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.plan.Choice;
import dev.starling.scheduler.plan.Planner;
import dev.starling.scheduler.slot.SlotIndex;
import dev.starling.scheduler.slot.SlotTable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.junit.jupiter.api.Test;

/** What a planner says of one view after another is what it would say of each by itself, and it works out what a change touches, not the rest. */
class PlannerIncrementTest {
    private static final int NODES = 12;

    /** A view that changes bit by bit, as gossip would change it; parts that do not change stay the same objects. */
    private static final class Changing {
        final Random random;
        View view;
        private int made;

        Changing(Random random) {
            this.random = random;
            boolean tight = random.nextBoolean();
            List<NodeView> nodes = new ArrayList<>();
            for (int number = 1; number <= NODES; number++) {
                Resources capacity = new Resources((tight ? 2 : 100) * Given.CORE, (tight ? 4 : 100) * Given.GIB);
                nodes.add(Given.labelled(Given.with(Given.node(number), capacity), "zone", "z" + number % 3));
            }
            view = Given.view(nodes, List.of(), List.of());
            for (int i = 0; i < 6; i++) {
                addService();
            }
        }

        void change(List<Choice> plan) {
            switch (random.nextInt(16)) {
                case 0, 1, 2, 3 -> claimAsPlanned(plan, random.nextInt(6));
                case 4 -> claimElsewhere(plan);
                case 5, 6 -> changeTask(TaskState.RUNNING);
                case 7 -> changeTask(TaskState.values()[random.nextInt(TaskState.values().length)]);
                case 8 -> dropTask();
                case 9 -> changeNode(node -> node.withReady(!node.ready()));
                case 10 -> changeNode(node -> random.nextBoolean() ? node.withAvailability(Availability.values()[random.nextInt(3)])
                        : Given.labelled(node, "zone", "z" + random.nextInt(3)));
                case 11 -> addService();
                case 12 -> removeService();
                case 13 -> refuse(plan);
                case 14 -> nodesComeAndGo();
                default -> changeTask(TaskState.STARTING);
            }
        }

        private void addService() {
            SortedMap<String, ServiceSpec> services = new TreeMap<>(view.services());
            String uid = "s" + random.nextInt(9);
            Given.Service service = random.nextInt(6) == 0 ? Given.global(uid) : Given.service(uid, 1 + random.nextInt(20));
            service.image("app:" + (1 + random.nextInt(4)));
            if (random.nextBoolean()) {
                service.reserves(random.nextInt(3) * Given.CORE / 4, random.nextInt(3) * Given.GIB / 2);
            }
            switch (random.nextInt(6)) {
                case 0 -> service.constraints("node.labels.zone==z1");
                case 1 -> service.spread("node.labels.zone");
                case 2 -> service.hostPorts("tcp/" + (80 + random.nextInt(2)));
                case 3 -> service.maxReplicasPerNode(2);
                case 4 -> service.openPorts("tcp/80");
                default -> { }
            }
            services.put(uid, service.spec());
            view = view.withServices(services);
        }

        private void removeService() {
            SortedMap<String, ServiceSpec> services = new TreeMap<>(view.services());
            services.remove("s" + random.nextInt(9));
            view = view.withServices(services);
        }

        private void claimAsPlanned(List<Choice> plan, int count) {
            for (int i = 0; i < count && !plan.isEmpty(); i++) {
                Choice choice = plan.get(random.nextInt(plan.size()));
                if (choice.first() != null) {
                    claim(choice.slot(), choice.first());
                }
            }
        }

        private void claimElsewhere(List<Choice> plan) {
            if (!plan.isEmpty()) {
                Slot slot = plan.get(random.nextInt(plan.size())).slot();
                claim(slot, slot.isGlobal() ? slot.node() : Given.id(1 + random.nextInt(NODES)));
            }
        }

        private void claim(Slot slot, NodeId node) {
            Task task = Given.task(String.format("t%05d", made++), slot, node, TaskState.ASSIGNED, made);
            put(random.nextInt(8) == 0 ? task.withDesired(TaskState.READY) : task);
        }

        private void put(Task task) {
            SortedMap<NodeId, List<Task>> tasks = new TreeMap<>(view.tasks());
            List<Task> ofNode = new ArrayList<>(tasks.getOrDefault(task.node(), List.of()));
            ofNode.removeIf(other -> other.id().equals(task.id()));
            ofNode.add(task);
            ofNode.sort(Comparator.comparing(Task::id));
            tasks.put(task.node(), List.copyOf(ofNode));
            view = view.withTasks(tasks);
        }

        private void changeTask(TaskState state) {
            List<Task> all = view.tasks().values().stream().flatMap(List::stream).toList();
            if (!all.isEmpty()) {
                Task task = all.get(random.nextInt(all.size()));
                put(Given.task(task.id(), task.slot(), task.node(), state, task.claimed().wallMillis()));
            }
        }

        private void dropTask() {
            SortedMap<NodeId, List<Task>> tasks = new TreeMap<>(view.tasks());
            NodeId node = Given.id(1 + random.nextInt(NODES));
            tasks.put(node, tasks.getOrDefault(node, List.of()).stream().filter(task -> random.nextInt(3) > 0).toList());
            view = view.withTasks(tasks);
        }

        private void changeNode(java.util.function.UnaryOperator<NodeView> change) {
            SortedMap<NodeId, NodeView> nodes = new TreeMap<>(view.nodes());
            nodes.computeIfPresent(Given.id(1 + random.nextInt(NODES)), (id, node) -> change.apply(node));
            view = view.withNodes(nodes);
        }

        private void nodesComeAndGo() {
            SortedMap<NodeId, NodeView> nodes = new TreeMap<>(view.nodes());
            int number = 2 + random.nextInt(NODES - 1);
            if (nodes.remove(Given.id(number)) == null) {
                nodes.put(Given.id(number), Given.node(number));
            }
            view = view.withNodes(nodes);
        }

        private void refuse(List<Choice> plan) {
            SortedMap<NodeId, List<Refusal>> refusals = new TreeMap<>(view.refusals());
            NodeId node = Given.id(1 + random.nextInt(NODES));
            boolean more = !plan.isEmpty() && random.nextInt(3) > 0;
            refusals.put(node, more ? List.of(new Refusal(plan.get(random.nextInt(plan.size())).slot(), "no", made)) : List.of());
            view = new View(view.nodes(), view.services(), view.networks(), view.tasks(), refusals, view.blocks());
        }
    }

    @Property(tries = 100, shrinking = ShrinkingMode.OFF)
    void saysTheSameAsAPlanOfTheViewAlone(@ForAll long seed) {
        Changing changing = new Changing(new Random(seed));
        NodeId observer = Given.id(1);
        Planner planner = new Planner(observer);
        SlotIndex index = new SlotIndex();
        List<Choice> plan = List.of();
        for (int step = 0; step < 60; step++) {
            changing.change(plan);
            plan = planner.plan(changing.view, index.table(changing.view));
            List<Choice> alone = Planner.plan(changing.view, SlotTable.of(changing.view), observer);
            assertEquals(alone.size(), plan.size(), "seed " + seed + ", step " + step);
            for (int i = 0; i < alone.size(); i++) {
                assertEquals(alone.get(i), plan.get(i), "seed " + seed + ", step " + step + ", choice " + i);
            }
        }
    }

    private static View largeView() {
        List<NodeView> nodes = new ArrayList<>();
        for (int number = 1; number <= 50; number++) {
            nodes.add(Given.with(Given.node(number), new Resources(1_000 * Given.CORE, 1_000 * Given.GIB)));
        }
        List<Given.Service> services = new ArrayList<>();
        for (int number = 1; number <= 20; number++) {
            services.add(Given.service("service" + number, 50).reserves(Given.CORE, Given.GIB));
        }
        services.add(Given.service("stuck", 30).constraints("node.labels.zone==nowhere"));
        services.add(Given.service("stuckForRoom", 40).reserves(2_000 * Given.CORE, 0));
        return Given.view(nodes, services, List.of());
    }

    private static View withClaims(View view, List<Choice> choices, TaskState state) {
        SortedMap<NodeId, List<Task>> tasks = new TreeMap<>(view.tasks());
        for (Choice choice : choices) {
            List<Task> ofNode = new ArrayList<>(tasks.getOrDefault(choice.first(), List.of()));
            String id = String.format("task %s", choice.slot());
            ofNode.removeIf(task -> task.id().equals(id));
            ofNode.add(Given.task(id, choice.slot(), choice.first(), state, 1));
            ofNode.sort(Comparator.comparing(Task::id));
            tasks.put(choice.first(), List.copyOf(ofNode));
        }
        return view.withTasks(tasks);
    }

    @Test
    void aChangeWorksOutWhatItTouches() {
        Planner planner = new Planner(Given.id(1));
        SlotIndex index = new SlotIndex();
        View view = largeView();
        List<Choice> plan = planner.plan(view, index.table(view));
        assertEquals(1_070, planner.workedOut(), "from empty: every slot");
        List<Choice> placed = plan.stream().filter(choice -> choice.first() != null).toList();
        assertEquals(1_000, placed.size());
        for (int number = 1; number <= 50; number++) {
            NodeId node = Given.id(number);
            view = withClaims(view, placed.stream().filter(choice -> choice.first().equals(node)).toList(), TaskState.ASSIGNED);
            assertEquals(1_070 - 20 * number, planner.plan(view, index.table(view)).size());
        }
        assertEquals(1_070, planner.workedOut(), "claims that come as planned: nothing");
        view = withClaims(view, placed, TaskState.RUNNING);
        planner.plan(view, index.table(view));
        assertEquals(1_070, planner.workedOut(), "they run: nothing, for those that wait still have nowhere to go");
        SortedMap<NodeId, NodeView> nodes = new TreeMap<>(view.nodes());
        nodes.put(Given.id(7), Given.ready(nodes.get(Given.id(7)), false));
        View dead = view.withNodes(nodes);
        assertEquals(20 + 70, planner.plan(dead, index.table(dead)).size());
        assertEquals(1_070 + 20 + 40, planner.workedOut(), "a node dies: its 20 slots, and the 40 that it might have had");
        SortedMap<String, ServiceSpec> services = new TreeMap<>(dead.services());
        services.put("new", Given.service("zz", 5).spec());
        View more = dead.withServices(services);
        assertEquals(20 + 70 + 5, planner.plan(more, index.table(more)).size());
        assertTrue(planner.workedOut() <= 1_130 + 5, "a service comes, the youngest: its 5 slots; " + planner.workedOut());
    }
}
