package dev.starling.scheduler.slot;

import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Rendezvous;
import java.util.Comparator;

/**
 * Which of several claims on one slot holds it: the one that runs, of those that run one of the service's present template, then the earlier
 * claim, the lower price, the higher rendezvous hash, the node id. All of it is in the records and the document, so every node that sees the same
 * names the same winner, and after a partition the incumbent stays. The last two lines order the tasks of one node, where a start-first update has
 * two in a slot: the new one, once it runs.
 *
 * <p>Why the present template goes before the incumbent: a slot that one side of a partition has updated stays updated when the links heal. Were it to go back
 * to the other side's old task, which is then updated too, nodes that still count it as done would change others at the same time ({@code Rollout}).
 */
public final class Precedence {
    /** Of tasks of one template; the winner comes first. */
    public static final Comparator<Task> ORDER = Comparator.comparingInt(Precedence::rank)
            .thenComparing(Task::claimed)
            .thenComparingInt(Task::price)
            .thenComparing(Comparator.comparingLong((Task task) -> Rendezvous.score(task.slot(), task.node())).reversed())
            .thenComparing(Task::node)
            .thenComparing(Comparator.comparingLong(Task::createdMillis).reversed())
            .thenComparing(Task::id);

    /** Of tasks of {@code service}, whatever their template. */
    static Comparator<Task> of(ServiceSpec service) {
        return Comparator.comparingInt((Task task) -> task.state() != TaskState.RUNNING ? 2 : service.isCurrent(task) ? 0 : 1).thenComparing(ORDER);
    }

    /** One that moves to another node goes before those that do not run yet, but gives way to any that does. */
    private static int rank(Task task) {
        if (task.state() != TaskState.RUNNING) {
            return 2;
        }
        return task.movesTo() == null ? 0 : 1;
    }

    /** The last word on a slot comes last. */
    static final Comparator<Task> AGE = Comparator.comparing(Task::claimed).thenComparingLong(Task::createdMillis).thenComparing(Task::id);

    private Precedence() {}
}
