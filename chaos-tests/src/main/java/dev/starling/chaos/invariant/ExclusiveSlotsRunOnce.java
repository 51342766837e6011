package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Always: of each exclusive slot at most one container runs anywhere, and each holder's fencing token is higher than those of all holders
 * before it. Containers whose agent is gone or stands still do not count: nobody can stop them there, which is what the token is for; nor do
 * they in the moment in which that agent is back and stops them.
 */
public final class ExclusiveSlotsRunOnce implements NodeInvariant {
    private static final long STOPPING_MILLIS = 1_000;

    private final SortedMap<Slot, Task> newest = new TreeMap<>();
    private int seen;
    private int successions;

    @Override
    public Optional<String> violation(Simulation cluster, SimNode touched) {
        if (!watched(cluster, touched)) {
            return Optional.empty();
        }
        for (Task task : touched.running()) {
            if (task.fencingToken() == 0) {
                continue;
            }
            seen++;
            for (SimNode other : cluster.nodes()) {
                Optional<Task> twin = other == touched || !watched(cluster, other) ? Optional.empty()
                        : other.running().stream().filter(running -> running.slot().equals(task.slot())).findFirst();
                if (twin.isPresent()) {
                    return Optional.of("exclusive slot " + task.slot() + " is run by " + touched + " with token " + task.fencingToken() + " and by " + other
                            + " with token " + twin.get().fencingToken());
                }
            }
            Task before = newest.get(task.slot());
            if (before != null && !before.node().equals(task.node())) {
                if (before.fencingToken() >= task.fencingToken()) {
                    return Optional.of("exclusive slot " + task.slot() + " is run by " + touched + " with token " + task.fencingToken() + " after "
                            + before.node() + " ran it with " + before.fencingToken());
                }
                successions++;
            }
            newest.put(task.slot(), task);
        }
        return Optional.empty();
    }

    private static boolean watched(Simulation cluster, SimNode node) {
        return node.answers() && cluster.now() - node.answeringSince() > STOPPING_MILLIS;
    }

    /** How often a running exclusive task was looked at. */
    public int seen() {
        return seen;
    }

    /** How often another node was seen to run a slot than before. */
    public int successions() {
        return successions;
    }
}
