package dev.starling.scheduler.slot;

import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Rendezvous;
import java.util.Comparator;

/**
 * Which of several claims on one slot holds it: the one that runs, then the earlier claim, the lower price, the higher rendezvous hash,
 * the node id. All of it is in the records, so every node that sees the same claims names the same winner, and after a partition the
 * incumbent stays. The last two lines order the tasks of one node, where a start-first update has two in a slot: the new one, once it runs.
 */
public final class Precedence {
    /** The winner comes first. */
    public static final Comparator<Task> ORDER = Comparator.comparing((Task task) -> task.state() != TaskState.RUNNING)
            .thenComparing(Task::claimed)
            .thenComparingInt(Task::price)
            .thenComparing(Comparator.comparingLong((Task task) -> Rendezvous.score(task.slot(), task.node())).reversed())
            .thenComparing(Task::node)
            .thenComparing(Comparator.comparingLong(Task::createdMillis).reversed())
            .thenComparing(Task::id);

    /** The last word on a slot comes last. */
    static final Comparator<Task> AGE = Comparator.comparing(Task::claimed).thenComparingLong(Task::createdMillis).thenComparing(Task::id);

    private Precedence() {}
}
