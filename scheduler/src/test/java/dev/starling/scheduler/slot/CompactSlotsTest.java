package dev.starling.scheduler.slot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** What the compact forms of slots and their tasks say is what maps of the same would say. */
class CompactSlotsTest {
    private static final Comparator<Task> IN_SLOT = Comparator.comparing(Task::node).thenComparing(Task::id);

    private static Slot slot(Random random) {
        return random.nextInt(6) == 0 ? Slot.global("web", new NodeId("n" + random.nextInt(9))) : Slot.replica("web", 1 + random.nextInt(40));
    }

    private static Task task(Random random, String id, Slot slot) {
        TaskState state = TaskState.values()[random.nextInt(TaskState.values().length)];
        return new Task(id, slot, new NodeId("n" + random.nextInt(9)), 1 + random.nextInt(3), "hash1", "app:1", state, TaskState.RUNNING,
                HybridTime.of(1, 0), 0, 0, 0, 1, 1, "", "", -1, "", 0, new TreeMap<>());
    }

    @Property(tries = 100)
    void tasksAreBySlotAndInASlotByNode(@ForAll long seed) {
        Random random = new Random(seed);
        SlotTasks tasks = new SlotTasks();
        SortedMap<String, Task> byId = new TreeMap<>();
        for (int view = 0; view < 12; view++) {
            SortedMap<String, Task> next = new TreeMap<>(byId);
            for (int change = random.nextInt(30); change > 0; change--) {
                String id = "t" + random.nextInt(80);
                Task before = byId.get(id);
                if (random.nextInt(3) == 0) {
                    next.remove(id);
                } else {
                    next.put(id, task(random, id, before != null && random.nextBoolean() ? before.slot() : slot(random)));
                }
            }
            byId.forEach((id, task) -> {
                if (!next.containsKey(id)) {
                    tasks.remove(task);
                } else if (next.get(id) != task) {
                    tasks.replace(task, next.get(id));
                }
            });
            next.forEach((id, task) -> {
                if (!byId.containsKey(id)) {
                    tasks.add(task);
                }
            });
            tasks.settle();
            byId.clear();
            byId.putAll(next);
            assertSame(byId, tasks);
        }
    }

    private static void assertSame(SortedMap<String, Task> byId, SlotTasks tasks) {
        SortedMap<Slot, List<Task>> expected = new TreeMap<>();
        byId.values().stream().sorted(IN_SLOT).forEach(task -> expected.computeIfAbsent(task.slot(), slot -> new ArrayList<>()).add(task));
        assertEquals(expected.size(), tasks.size());
        int place = 0;
        for (var entry : expected.entrySet()) {
            assertEquals(entry.getKey(), tasks.slot(place));
            assertEquals(entry.getValue(), tasks.tasks(place));
            assertEquals(entry.getValue(), tasks.tasks(entry.getKey()));
            place++;
        }
        for (long generation = 0; generation < 4; generation++) {
            long later = generation;
            assertEquals(byId.values().stream().anyMatch(task -> task.serviceGeneration() > later), tasks.hasLaterThan(generation));
        }
    }

    @Property(tries = 100)
    void statesReadBackAsTheyWerePutIn(@ForAll long seed) {
        Random random = new Random(seed);
        boolean byNumberFromOne = random.nextBoolean();
        SortedMap<Slot, SlotState> expected = new TreeMap<>();
        for (int i = 1; i < 30; i++) {
            Slot slot = byNumberFromOne ? Slot.replica("web", i) : slot(random);
            Task only = task(random, "t" + i, slot);
            Task other = task(random, "u" + i, slot);
            expected.put(slot, switch (random.nextInt(6)) {
                case 0 -> SlotState.untouched(slot);
                case 1 -> new SlotState(slot, List.of(only), only, only, false, false, false);
                case 2 -> new SlotState(slot, List.of(only), null, only, random.nextBoolean(), false, false);
                case 3 -> new SlotState(slot, List.of(only, other), other, only, false, false, false);
                case 4 -> new SlotState(slot, List.of(), null, null, true, true, false);
                default -> new SlotState(slot, List.of(), null, null, false, false, true);
            });
        }
        SlotStates.Builder builder = new SlotStates.Builder("web", random.nextInt(40));
        expected.forEach((slot, state) -> builder.add(slot, SlotStates.cell(state)));
        SlotStates states = builder.build();

        assertEquals(List.copyOf(expected.values()), states);
        int place = 0;
        for (SlotState state : expected.values()) {
            assertEquals(state.slot(), states.slot(place));
            assertEquals(state, states.state(state.slot()));
            assertEquals(state.holder(), states.holder(place));
            assertEquals(state.isFree(), states.isFree(place));
            assertEquals(state.isPending(), states.isPending(place));
            assertEquals(state.isRunning(), states.isRunning(place));
            assertEquals(state.isFree() && state.tasks().isEmpty(), states.isUntouched(place));
            assertTrue(states.isSameSlot(place, states, place));
            assertTrue(place == 0 || !states.isSameSlot(place, states, place - 1));
            place++;
        }
        for (int number = 1; number < 45; number++) {
            if (!expected.containsKey(Slot.replica("web", number))) {
                assertNull(states.state(Slot.replica("web", number)));
            }
        }
    }
}
