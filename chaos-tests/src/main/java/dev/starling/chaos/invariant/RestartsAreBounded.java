package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Always: no task is a later attempt than its restart policy allows, nor are there more restarts in a node's window than it allows, restarts of the agent
 * included, where a claim begins with what the window holds of those before it and its first task is none; and a container that crashes again and again is started ever more rarely, so on a node at most {@value #MOST_STARTS} of one slot and template
 * come to run in {@value #WINDOW_MILLIS} ms. A jump of its clock may begin all that anew, and a restart of its agent the last; what cannot even be started
 * (no such image) is tried again without a bound. What a disk holds that was put back was not made now.
 */
public final class RestartsAreBounded implements NodeInvariant {
    /** With a delay and a run of a second each: six as the rest doubles, nineteen without. */
    private static final int MOST_STARTS = 12;
    private static final long WINDOW_MILLIS = 40_000;

    private static final class Seen {
        long epoch = -1;
        List<Task> list = List.of();
        Set<String> known = new TreeSet<>();
        Set<String> ran = new TreeSet<>();
        final Map<String, Deque<Long>> starts = new TreeMap<>();
        /** Over restarts of the agent. */
        final Map<String, Deque<Long>> restarts = new TreeMap<>();
        /** Claims on slots of which a task was seen. */
        final Set<String> claims = new TreeSet<>();
        int clockJumps;

        /** Of a node that was not looked at before, or has another disk: what is there was there. */
        static Seen of(List<Task> tasks) {
            Seen seen = new Seen();
            tasks.forEach(task -> {
                seen.known.add(task.id());
                seen.claims.add(claim(task));
            });
            return seen;
        }
    }

    private final Templates templates;
    private final Map<NodeId, Seen> byNode = new TreeMap<>();

    public RestartsAreBounded(Templates templates) {
        this.templates = templates;
    }

    @Override
    public Optional<String> violation(Simulation cluster, SimNode node) {
        if (!node.hasAgent()) {
            return Optional.empty();
        }
        templates.observe(node);
        List<Task> tasks = node.core().tasks(node.id());
        Seen seen = byNode.computeIfAbsent(node.id(), first -> Seen.of(tasks));
        if (tasks == seen.list) {
            return Optional.empty();
        }
        seen.list = tasks;
        long epoch = node.session() * 1_000_000 + node.clockJumps();
        if (seen.epoch != epoch) {
            seen.epoch = epoch;
            seen.starts.clear();
        }
        if (seen.clockJumps != node.clockJumps()) {
            seen.clockJumps = node.clockJumps();
            seen.restarts.clear();
        }
        Set<String> known = seen.known;
        Set<String> ran = seen.ran;
        seen.known = new TreeSet<>();
        seen.ran = new TreeSet<>();
        Optional<String> wrong = Optional.empty();
        for (Task task : tasks) {
            ServiceSpec service = templates.of(task).orElse(null);
            boolean first = seen.claims.add(claim(task));
            if (seen.known.add(task.id()) && !known.contains(task.id()) && service != null) {
                wrong = wrong.or(() -> made(node, service, task))
                        .or(() -> first ? Optional.empty() : madeInWindow(cluster, node, seen, service, task));
            }
            boolean runs = task.state() == TaskState.RUNNING || ran.contains(task.id());
            if (runs && seen.ran.add(task.id()) && !ran.contains(task.id()) && service != null) {
                wrong = wrong.or(() -> runs(cluster, node, seen, service, task));
            }
        }
        return wrong;
    }

    private static String claim(Task task) {
        return task.slot() + " " + task.claimed();
    }

    private static Optional<String> made(SimNode node, ServiceSpec service, Task task) {
        RestartPolicy policy = service.restart();
        if (policy.maxAttempts() > 0 && policy.windowMillis() == 0 && task.attempt() > policy.maxAttempts()) {
            return Optional.of(node + " makes attempt " + task.attempt() + " at slot " + service.name() + "." + task.slot() + ", of " + policy.maxAttempts()
                    + " allowed");
        }
        if (policy.condition() == RestartPolicy.Condition.NONE && task.attempt() > 0) {
            return Optional.of(node + " restarts slot " + service.name() + "." + task.slot() + ", which is not to be restarted");
        }
        return Optional.empty();
    }

    private static Optional<String> madeInWindow(Simulation cluster, SimNode node, Seen seen, ServiceSpec service, Task task) {
        RestartPolicy policy = service.restart();
        if (policy.maxAttempts() == 0 || policy.windowMillis() == 0 || task.attempt() == 0 || replacesAStopped(node, task)) {
            return Optional.empty();
        }
        Deque<Long> restarts = seen.restarts.computeIfAbsent(task.slot() + task.templateHash() + task.claimed(), first -> new ArrayDeque<>());
        restarts.addLast(cluster.now());
        while (restarts.peekFirst() <= cluster.now() - policy.windowMillis()) {
            restarts.removeFirst();
        }
        return restarts.size() <= policy.maxAttempts() ? Optional.empty()
                : Optional.of(node + " restarts slot " + service.name() + "." + task.slot() + " " + restarts.size() + " times in " + policy.windowMillis()
                        + " ms, of " + policy.maxAttempts() + " allowed" + EachSlotRunsOnce.known(cluster, task.slot()));
    }

    /** It goes on with the attempt of one that was stopped, for its address belonged to another node, say. */
    private static boolean replacesAStopped(SimNode node, Task task) {
        return node.core().tasks(node.id()).stream().anyMatch(other -> other.slot().equals(task.slot()) && other.claimed().equals(task.claimed())
                && other.attempt() == task.attempt() && !other.id().equals(task.id()) && other.desired() == TaskState.SHUTDOWN
                && (!other.state().isTerminal() || other.state() == TaskState.SHUTDOWN));
    }

    private static Optional<String> runs(Simulation cluster, SimNode node, Seen seen, ServiceSpec service, Task task) {
        Deque<Long> starts = seen.starts.computeIfAbsent(task.slot() + task.templateHash() + task.iteration(), first -> new ArrayDeque<>());
        starts.addLast(cluster.now());
        while (starts.peekFirst() < cluster.now() - WINDOW_MILLIS) {
            starts.removeFirst();
        }
        return starts.size() <= MOST_STARTS ? Optional.empty()
                : Optional.of(node + " ran " + starts.size() + " tasks of slot " + service.name() + "." + task.slot() + " (" + service.image() + ") within "
                        + WINDOW_MILLIS + " ms" + EachSlotRunsOnce.known(cluster, task.slot()));
    }

    @Override
    public void forget(SimNode node) {
        byNode.remove(node.id());
    }
}
