package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.scheduler.address.AddressPlan;
import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.plan.Balance;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotStates;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Moves tasks to emptier nodes when a service has been uneven for long: a node has come, or come back. One task of a service at a time, and
 * the new one runs before the old one stops. Label {@code starling.rebalance=off} keeps a service's tasks where they are.
 *
 * <pre>
 *   giver: uneven for long, all slots run, no update     its task says "moves to TAKER"
 *   taker: a task says it moves to me, and there is room  claims the slot, starts a task
 *   both:  the taker's task runs                          it prevails (Precedence), the giver stops its own (Retirement)
 *   giver: nothing of that within the limit               its task no longer says so; uneven for long starts over
 * </pre>
 *
 * <p>Tasks of exclusive slots cannot run twice, so they do not move.
 */
final class Rebalancing implements Phase {
    @Override
    public void run(Round round) {
        takeOver(round);
        Supplier<Occupancy> occupancy = once(() -> Occupancy.of(round.view()));
        for (ServiceSlots slots : round.table().byAge()) {
            ServiceSpec service = slots.service();
            boolean movable = service.mode() instanceof ServiceSpec.Mode.Replicated && service.site().rebalance() && !service.site().isExclusive();
            if (movable && !keepsMoving(round, slots) && isCalm(slots) && round.sight().mayStart(round, service)) {
                give(round, slots, occupancy);
            }
        }
    }

    private static Supplier<Occupancy> once(Supplier<Occupancy> source) {
        Occupancy[] made = new Occupancy[1];
        return () -> {
            if (made[0] == null) {
                made[0] = source.get();
            }
            return made[0];
        };
    }

    /** Every slot runs the present template: nothing is being updated, repaired or scaled. */
    private static boolean isCalm(ServiceSlots slots) {
        SlotStates wanted = slots.wanted();
        for (int place = 0; place < wanted.size(); place++) {
            if (!wanted.isRunning(place) || !slots.service().isCurrent(wanted.holder(place))) {
                return false;
            }
        }
        return !wanted.isEmpty();
    }

    /** A task of the service is on its way. This node's own is called back where it does not get there. */
    private static boolean keepsMoving(Round round, ServiceSlots slots) {
        if (!slots.hasMoving()) {
            return false;
        }
        for (SlotState state : slots.wanted()) {
            for (Task task : state.tasks()) {
                if (!task.isActive() || task.movesTo() == null) {
                    continue;
                }
                NodeView taker = round.view().nodes().get(task.movesTo());
                boolean there = taker != null && taker.ready() && taker.availability() == Availability.ACTIVE;
                boolean late = round.waits().isOver("move " + task.id(), round.config().rebalance().limit().toMillis());
                if (task.node().equals(round.self().id()) && (!there || late)) {
                    round.own().task(task.id()).ifPresent(own -> round.own().put(own.withMovesTo(null)));
                }
            }
        }
        return true;
    }

    private static void give(Round round, ServiceSlots slots, Supplier<Occupancy> occupancy) {
        String uid = slots.service().uid();
        Optional<Balance.Move> move = Balance.of(round.view(), slots, round.demand(slots.service()), occupancy);
        if (move.isEmpty()) {
            return;
        }
        HybridTime lastClaim = slots.wanted().stream().map(state -> state.holder().claimed()).max(HybridTime::compareTo).orElseThrow();
        boolean old = round.waits().isOver("uneven " + uid, round.config().rebalance().after().toMillis());
        boolean rested = round.waits().isOver("moved " + uid + " " + lastClaim, round.config().rebalance().pause().toMillis());
        if (old && rested && move.get().from().equals(round.self().id())) {
            Task task = round.table().wanted(move.get().slot()).map(SlotState::holder).orElseThrow();
            round.own().task(task.id()).ifPresent(own -> round.own().put(own.withMovesTo(move.get().to())));
        }
    }

    private static void takeOver(Round round) {
        NodeId self = round.self().id();
        NodeLoad load = null;
        for (List<Task> tasks : round.view().tasks().values()) {
            for (Task task : tasks) {
                if (self.equals(task.movesTo()) && isToBeTaken(round, task)) {
                    load = load != null ? load : round.load(any -> true);
                    take(round, round.service(task.slot()).orElseThrow(), task, load);
                }
            }
        }
    }

    /**
     * Once for each time that the giver offers it: what ended here lately was that try. Older tasks say nothing, for a later claim than the giver's may be
     * the duplicate of a partition that healed long ago.
     */
    private static boolean isToBeTaken(Round round, Task task) {
        long limit = round.config().rebalance().limit().toMillis();
        Optional<SlotState> state = round.table().wanted(task.slot());
        return task.isActive() && task.state() == TaskState.RUNNING && state.isPresent() && task.equals(state.get().holder())
                && round.service(task.slot()).filter(service -> service.isCurrent(task)).isPresent()
                && round.own().inSlot(task.slot()).stream().noneMatch(own -> own.isActive()
                        || own.claimed().compareTo(task.claimed()) > 0 && Math.abs(round.now().wallMillis() - own.changedMillis()) < limit);
    }

    private static void take(Round round, ServiceSpec service, Task task, NodeLoad load) {
        Optional<Reservation> reserved = Reservation.of(round, service, task.slot());
        if (!round.demand(service).suits(round.self()) || round.demand(service).whyNot(round.self(), load).isPresent() || reserved.isEmpty()) {
            return; // the giver will see that nothing comes of it
        }
        if (new Addressing(round).choose(service) instanceof AddressPlan.Outcome.Granted granted) {
            Task taken = round.mint().first(service, task.slot(), task.price(), 0, granted.addresses(), reserved.get(), round.now());
            round.own().put(taken);
            round.own().start(taken);
            load.add(service);
        }
    }
}
