package dev.starling.node.core;

import dev.starling.scheduler.model.Task;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/** One node's tasks by id. A sorted list, not a tree: a large cluster's node holds a hundred thousand tasks in a thousand of these. */
final class OrderedTasks {
    private static final Comparator<Task> BY_ID = Comparator.comparing(Task::id);

    /** Immutable; what it is while {@link #changing} is null. */
    private List<Task> list = List.of();
    /** Null from one {@link #list()} to the next change: then nothing is kept twice. */
    private ArrayList<Task> changing;

    void put(Task task) {
        List<Task> tasks = changing();
        int place = Collections.binarySearch(tasks, task, BY_ID);
        if (place >= 0) {
            tasks.set(place, task);
        } else {
            tasks.add(-place - 1, task);
        }
    }

    void remove(String id) {
        changing().removeIf(task -> task.id().equals(id));
    }

    private List<Task> changing() {
        if (changing == null) {
            changing = new ArrayList<>(list);
        }
        return changing;
    }

    /** The same list until something changes. */
    List<Task> list() {
        if (changing != null) {
            list = List.copyOf(changing);
            changing = null;
        }
        return list;
    }
}
