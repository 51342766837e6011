package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.lease.Leases;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.plan.Planner;
import dev.starling.scheduler.slot.SlotIndex;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * The scheduler of one node: plan, bid, claim, resolve, restart, roll out (DESIGN.md section 4). It owns this node's tasks, and turns a
 * view of the cluster into effects. Pure: no clock, thread, I/O, unseeded randomness or unordered iteration.
 *
 * <p>A step runs its phases in order until none has anything more to do. Each phase sees the view with this node's own record in it as
 * the phases before left it, so nothing is decided on what is no longer so:
 *
 * <pre>
 *   Fencing           stop at once what runs in an exclusive slot that this node does not hold
 *   Retirement        stop what shall not go on
 *   BlockUpkeep       give up address blocks that belong to others
 *   Renewal           restart, roll out, start what is due
 *   RefusalUpkeep     withdraw refusals that no longer apply
 *   Bidding           plan, and claim what is ours to take
 *   Rebalancing       move tasks to emptier nodes
 *   CompletionUpkeep  keep what jobs have done, where this node is a keeper of it
 *   UpdateVerdicts    write down how an update ended, where this node is a manager
 *   Autoscaling       write how many replicas the load asks for, likewise
 *   History           drop old tasks
 * </pre>
 *
 * <p>How it is driven: put the effects into practice in order, a Put durably before the Start after it; call {@link #report} for what
 * containers do and then {@link #step}; call {@link #step} whenever the view has changed and at {@link #nextStep}.
 */
public final class Scheduler {
    /** Phases settle in two or three passes; a step that has not by then goes on in the next one. */
    private static final int MAX_PASSES = 8;

    private final NodeId self;
    private final SchedulerConfig config;
    private final OwnRecord own;
    private final TaskMint mint;
    private final Waits waits = new Waits();
    private final RestartLog restarts = new RestartLog();
    private final SlotIndex slots = new SlotIndex();
    private final Leases leases;
    private final Amenders amenders = new Amenders();
    private final Planner planner;
    private final List<Phase> phases;
    private final Exclusive exclusive;
    private final Sight sight = new Sight();
    private long nextStep = Long.MAX_VALUE;

    public Scheduler(NodeId self, SchedulerConfig config, RandomGenerator random) {
        this.self = self;
        this.config = config;
        this.own = new OwnRecord(self);
        this.mint = new TaskMint(self, random);
        this.leases = new Leases(self, config.lease());
        this.exclusive = new Exclusive(leases);
        this.planner = new Planner(self);
        this.phases = List.of(new Fencing(), new Retirement(), new BlockUpkeep(), new Renewal(restarts), new RefusalUpkeep(), new Bidding(planner),
                new Rebalancing(), new CompletionUpkeep(), new UpdateVerdicts(amenders), new Autoscaling(amenders), new History());
    }

    /**
     * Before the first step: what this node's record held on disk. A task that was started waits for its first report and is not started
     * again: report RUNNING for a container that is there, FAILED for one that is gone.
     */
    public void restore(Collection<Task> tasks, Collection<Refusal> refusals, Collection<BlockClaim> blocks,
            Collection<CompletedWork> completed) {
        own.restore(tasks, refusals, blocks, completed);
        restarts.restore(tasks);
    }

    /**
     * Before anything else at an agent's start: ends what runs in exclusive slots. Nobody renewed this node's hold on them while there was no
     * agent, and how long that was nobody can say.
     */
    public List<Effect> fence(View view, Time now) {
        NodeView node = view.nodes().get(self);
        if (node != null) {
            waits.beginRound(now.monotonicMillis());
            exclusive.begin(now, waits);
            new Fencing().run(round(node, view, now));
        }
        return own.takeEffects();
    }

    /** What the effect runner saw of a container. Unknown tasks and reports that would move a state back are ignored. */
    public List<Effect> report(TaskReport report, Time now) {
        if (own.apply(report, now)) {
            nextStep = Math.min(nextStep, now.monotonicMillis());
        }
        return own.takeEffects();
    }

    /** Compares {@code view} with this node's tasks and says what to do now. Calling it again with nothing changed yields nothing. */
    public List<Effect> step(View view, Time now) {
        NodeView node = view.nodes().get(self);
        if (node == null || !node.ready()) {
            nextStep = Long.MAX_VALUE;
            return List.of();
        }
        mint.observe(view);
        sight.look(view, now.monotonicMillis());
        own.settleRestored(now);
        own.forgetRested(now);
        boolean settled = false;
        for (int pass = 0; pass < MAX_PASSES && !settled; pass++) {
            settled = !pass(node, view, now);
        }
        leases.want(exclusive.wishes(), exclusive.occupied(), now.monotonicMillis());
        restarts.forgetAllBut(own.list().stream().map(Task::slot).toList());
        nextStep = settled ? waits.wakeAt() : now.monotonicMillis();
        return own.takeEffects();
    }

    /** All phases once; whether any of them did something. */
    private boolean pass(NodeView node, View view, Time now) {
        int before = own.effectCount();
        waits.beginRound(now.monotonicMillis());
        exclusive.begin(now, waits);
        Round round = round(node, view, now);
        amenders.look(round);
        for (Phase phase : phases) {
            int beforePhase = own.effectCount();
            phase.run(round);
            if (own.effectCount() > beforePhase) {
                round = round(node, view, now);
            }
        }
        exclusive.wantForTasks(round);
        waits.endRound();
        return own.effectCount() > before;
    }

    private Round round(NodeView node, View view, Time now) {
        View mine = own.over(view);
        return new Round(node, mine, slots.table(mine), now, own, waits, mint, config, new TreeMap<>(), exclusive, sight);
    }

    /** Monotonic milliseconds at which {@link #step} wants to run again without a change of the view; Long.MAX_VALUE for never. */
    public long nextStep() {
        return nextStep;
    }

    /** This node's part in the votes on exclusive slots; driven by its own messages and timers. */
    public Leases leases() {
        return leases;
    }

    /** How many free slots this node has worked out a place for, again and again included: what planning costs. */
    public long slotsWorkedOut() {
        return planner.workedOut();
    }

    /** This node's tasks by id, history included. */
    public SortedMap<String, Task> tasks() {
        return own.tasks();
    }
}
