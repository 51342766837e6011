package dev.starling.scheduler.slot;

import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * One service's tasks on all nodes, by slot. Sorted arrays, and no list where a slot has one task, as nearly all have: a tree with a list in each entry was
 * the largest thing in a large cluster's node. Changes gather until {@link #settle}, which takes them in with one walk.
 */
final class SlotTasks {
    /** As a view lists them: by node, and by id where one node has several. */
    private static final Comparator<Task> IN_SLOT = Comparator.comparing(Task::node).thenComparing(Task::id);
    private static final Comparator<Task> BY_SLOT = (one, other) -> one.slot().compareTo(other.slot());
    private static final Object[] NONE = {};

    /** In slot order: a Task, or an immutable List of several. */
    private Object[] cells = NONE;
    private List<Task> come = new ArrayList<>(0);
    private List<Task> gone = new ArrayList<>(0);

    void add(Task task) {
        come.add(task);
    }

    void remove(Task task) {
        gone.add(task);
    }

    /** {@code next} has the same id, and mostly the same slot. */
    void replace(Task task, Task next) {
        int place = next.slot().equals(task.slot()) ? place(task.slot()) : -1;
        if (place >= 0 && cells[place] == task) {
            cells[place] = next;
        } else {
            remove(task);
            add(next);
        }
    }

    /** Takes in what has been added and removed. */
    void settle() {
        if (come.isEmpty() && gone.isEmpty()) {
            return;
        }
        sort(come);
        sort(gone);
        Object[] next = new Object[cells.length + come.size()];
        int size = 0;
        int here = 0;
        int left = 0;
        int added = 0;
        while (here < cells.length || added < come.size()) {
            Slot old = here < cells.length ? slotOf(cells[here]) : null;
            Slot fresh = added < come.size() ? come.get(added).slot() : null;
            Slot slot = fresh == null || old != null && old.compareTo(fresh) <= 0 ? old : fresh;
            Object cell = slot == old ? cells[here++] : null;
            for (; left < gone.size() && gone.get(left).slot().compareTo(slot) <= 0; left++) {
                cell = gone.get(left).slot().equals(slot) ? without(cell, gone.get(left)) : cell;
            }
            for (; added < come.size() && come.get(added).slot().equals(slot); added++) {
                cell = with(cell, come.get(added));
            }
            if (cell != null) {
                next[size++] = cell;
            }
        }
        cells = size == next.length ? next : Arrays.copyOf(next, size);
        come = new ArrayList<>(0); // others, as lists keep the room that they once needed
        gone = new ArrayList<>(0);
    }

    boolean isEmpty() {
        return cells.length == 0 && come.isEmpty();
    }

    /** How many slots have tasks. */
    int size() {
        return cells.length;
    }

    Slot slot(int place) {
        return slotOf(cells[place]);
    }

    /** A Task, or an immutable List of several; the same until they change. */
    Object cell(int place) {
        return cells[place];
    }

    List<Task> tasks(int place) {
        return tasks(cells[place]);
    }

    List<Task> tasks(Slot slot) {
        int place = place(slot);
        return place < 0 ? List.of() : tasks(cells[place]);
    }

    /** Some task was made by a document of the service that is later than {@code generation}. */
    boolean hasLaterThan(long generation) {
        for (Object cell : cells) {
            if (cell instanceof Task task ? task.serviceGeneration() > generation
                    : tasks(cell).stream().anyMatch(task -> task.serviceGeneration() > generation)) {
                return true;
            }
        }
        return false;
    }

    /** As {@link Arrays#binarySearch}. */
    int place(Slot slot) {
        int guess = slot.index() - 1;
        if (guess >= 0 && guess < cells.length && slotOf(cells[guess]).equals(slot)) {
            return guess;
        }
        int low = 0;
        int high = cells.length - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            int order = slotOf(cells[middle]).compareTo(slot);
            if (order == 0) {
                return middle;
            }
            low = order < 0 ? middle + 1 : low;
            high = order < 0 ? high : middle - 1;
        }
        return -low - 1;
    }

    /** By slot. Of slots by number by their numbers alone, which a sort of tasks would look up again and again. */
    private static void sort(List<Task> tasks) {
        long[] keys = new long[tasks.size()];
        for (int i = 0; i < keys.length; i++) {
            Slot slot = tasks.get(i).slot();
            if (slot.isGlobal()) {
                tasks.sort(BY_SLOT);
                return;
            }
            keys[i] = (long) slot.index() << Integer.SIZE | i;
        }
        Arrays.sort(keys);
        List<Task> unsorted = List.copyOf(tasks);
        for (int i = 0; i < keys.length; i++) {
            tasks.set(i, unsorted.get((int) keys[i]));
        }
    }

    private static Object with(Object cell, Task task) {
        if (cell == null) {
            return task;
        }
        List<Task> more = new ArrayList<>(tasks(cell));
        more.add(task);
        more.sort(IN_SLOT);
        return List.copyOf(more);
    }

    private static Object without(Object cell, Task task) {
        List<Task> left = tasks(cell).stream().filter(other -> other != task).toList();
        return left.isEmpty() ? null : left.size() == 1 ? left.get(0) : List.copyOf(left);
    }

    @SuppressWarnings("unchecked") // a cell is one or the other
    private static List<Task> tasks(Object cell) {
        return cell == null ? List.of() : cell instanceof Task task ? List.of(task) : (List<Task>) cell;
    }

    private static Slot slotOf(Object cell) {
        return cell instanceof Task task ? task.slot() : tasks(cell).get(0).slot();
    }
}
