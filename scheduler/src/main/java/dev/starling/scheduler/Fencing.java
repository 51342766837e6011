package dev.starling.scheduler;

import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;

/**
 * Ends tasks of exclusive slots that this node does not hold: it lost the majority of the slot's stewards, or its agent has just started and
 * cannot know how long it was away. Before all other phases, since another node may run the slot soon.
 */
final class Fencing implements Phase {
    static final String REASON = "no majority of the slot's stewards in reach";

    @Override
    public void run(Round round) {
        for (Task task : round.own().list()) {
            ServiceSpec service = round.service(task.slot()).orElse(null);
            boolean runs = task.isActive() && round.own().hasBegun(task);
            if (runs && service != null && service.site().isExclusive() && !round.exclusive().mayRun(round, service, task.slot())) {
                round.own().stop(task, TaskState.SHUTDOWN, REASON, round.now());
            }
        }
    }
}
