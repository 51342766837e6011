package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.View;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.random.RandomGenerator;

/**
 * The scheduler of one node: plan, bid, claim, resolve, restart, roll out (DESIGN.md section 4). It owns this node's tasks, and turns a
 * view of the cluster into effects. Pure: no clock, thread, I/O, unseeded randomness or unordered iteration.
 */
public final class Scheduler {
    public Scheduler(NodeId self, SchedulerConfig config, RandomGenerator random) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** Before the first step: what this node's record held on disk. */
    public void restore(Collection<Task> tasks, Collection<Refusal> refusals, Collection<BlockClaim> blocks) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** What the effect runner saw of a container. Unknown tasks and reports that would move a state back are ignored. */
    public List<Effect> report(TaskReport report, Time now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** Compares {@code view} with this node's tasks and says what to do now. Calling it again with nothing changed yields nothing. */
    public List<Effect> step(View view, Time now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** Monotonic milliseconds at which {@link #step} wants to run again without a change of the view; Long.MAX_VALUE for never. */
    public long nextStep() {
        throw new UnsupportedOperationException("skeleton");
    }

    /** This node's tasks by id, history included. */
    public SortedMap<String, Task> tasks() {
        throw new UnsupportedOperationException("skeleton");
    }
}
