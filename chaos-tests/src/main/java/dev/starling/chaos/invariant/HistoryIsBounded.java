package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/** At rest: of each slot at most so many ended tasks are kept in the whole cluster; what jobs have done does not count. */
public final class HistoryIsBounded implements Invariant {
    private final int limit;

    public HistoryIsBounded(int limit) {
        this.limit = limit;
    }

    @Override
    public Optional<String> violation(Simulation cluster) {
        TreeMap<Slot, Integer> ended = new TreeMap<>();
        for (SimNode node : cluster.upNodes()) {
            List<Task> tasks = node.core().tasks(node.id());
            for (Task task : tasks) {
                if (task.state().isTerminal() && !task.isCompletedWork() && ended.merge(task.slot(), 1, Integer::sum) > limit) {
                    return Optional.of("of slot " + task.slot() + " more than " + limit + " ended tasks are kept" + EachSlotRunsOnce.known(cluster, task.slot()));
                }
            }
        }
        return Optional.empty();
    }
}
