package dev.starling.node.core;

import dev.starling.scheduler.model.Task;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/** One node's tasks by id. A sorted list, not a tree: a large cluster's node holds a hundred thousand tasks in a thousand of these. */
final class OrderedTasks {
    private static final Comparator<Task> BY_ID = Comparator.comparing(Task::id);

    private final List<Task> tasks = new ArrayList<>();
    /** An immutable copy; null when out of date. */
    private List<Task> list = List.of();

    void put(Task task) {
        int place = Collections.binarySearch(tasks, task, BY_ID);
        if (place >= 0) {
            tasks.set(place, task);
        } else {
            tasks.add(-place - 1, task);
        }
        list = null;
    }

    void remove(String id) {
        tasks.removeIf(task -> task.id().equals(id));
        list = null;
    }

    /** The same list until something changes. */
    List<Task> list() {
        if (list == null) {
            list = List.copyOf(tasks);
        }
        return list;
    }
}
