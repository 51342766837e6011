package dev.starling.scheduler;

import dev.starling.scheduler.address.AddressPlan;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.UpdatePolicy;
import dev.starling.scheduler.rollout.Rollout;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Gives this node's slots their next task: after one that ended (restart policy), for one that is out of date (rollout), for one whose
 * address turned out to belong to another node; and starts those whose time has come. The slot's claim time is kept, so it stays an
 * incumbent.
 *
 * <pre>
 *   ended by itself   COMPLETE, FAILED   -> new task READY, started after the restart delay, or later in a
 *                                           crash loop (BackOff); or nothing, if the policy says so
 *                     REJECTED           -> a refusal: the slot goes to the next node
 *   out of date       stop-first         -> old one stops, new one READY, started when the old one has ended
 *                     start-first        -> new one starts, old one stops once it runs (Retirement); needs room for both
 * </pre>
 */
final class Renewal implements Phase {
    /** Until all in reach have a new document, so that nobody goes on with the update which it replaces. */
    private static final long DOCUMENT_SPREADS_MILLIS = 1_000;

    private final RestartLog restarts;

    Renewal(RestartLog restarts) {
        this.restarts = restarts;
    }

    @Override
    public void run(Round round) {
        Addressing addressing = new Addressing(round);
        SortedMap<String, Rollout> rollouts = new TreeMap<>();
        for (Task task : round.own().list()) {
            SlotState state = round.table().wanted(task.slot()).orElse(null);
            ServiceSpec service = round.service(task.slot()).orElse(null);
            if (state == null || service == null) {
                continue;
            }
            if (round.self().availability() == Availability.DRAIN) {
                closeUndecided(round, task);
                continue;
            }
            if (SlotState.isUndecided(task)) {
                decide(round, addressing, service, task);
            } else if (task.isActive() && round.rival(task).isEmpty()) {
                if (hasForeignAddress(round, task)) {
                    round.own().stop(task, TaskState.SHUTDOWN, "its address belongs to another node", round.now());
                    succeed(round, addressing, service, task, task.attempt(), 0);
                } else if (!round.own().hasBegun(task)) {
                    startWhenDue(round, addressing, service, task);
                } else if (!service.isCurrent(task) && !hasSuccessor(round, task) && round.sight().mayStart(round, service)
                        && rollouts.computeIfAbsent(service.uid(), uid -> rollout(round, service)).mayChange(task.slot())) {
                    update(round, addressing, service, task);
                }
            }
        }
    }

    /** On a drained node nothing follows what ended by itself: others have its slot. Were that not written down, it would stay for ever, as if it were to come. */
    private static void closeUndecided(Round round, Task task) {
        if (SlotState.isUndecided(task)) {
            round.own().put(task.withDesired(TaskState.SHUTDOWN));
        }
    }

    private static Rollout rollout(Round round, ServiceSpec service) {
        long delay = service.update().delayMillis();
        ServiceSlots slots = round.table().service(service.uid()).orElseThrow();
        String document = "document " + service.uid() + " " + service.generation();
        if (!round.waits().isOver(document, Rollout.replacesAnother(slots) ? DOCUMENT_SPREADS_MILLIS : 0)) {
            return Rollout.none();
        }
        return Rollout.of(slots,
                state -> delay == 0 || round.waits().isOver("rest " + state.slot() + " " + service.templateHash(), delay));
    }

    private static boolean hasSuccessor(Round round, Task task) {
        return round.own().inSlot(task.slot()).stream().anyMatch(other -> other.isActive() && other.createdMillis() > task.createdMillis());
    }

    private static void startWhenDue(Round round, Addressing addressing, ServiceSpec service, Task task) {
        long delay = task.notBefore() == 0 ? 0 : task.notBefore() - task.createdMillis();
        Optional<Task> predecessor = round.own().inSlot(task.slot()).stream()
                .filter(other -> !other.id().equals(task.id()) && !other.state().isTerminal() && round.own().hasBegun(other)).findFirst();
        boolean due = round.waits().isOver("start " + task.id(), delay);
        if (!due && service.isCurrent(task)) {
            return; // a new template does not wait: what keeps the old one from running may be what it mends
        }
        if (!service.isCurrent(task)) {
            // The new spec may ask for more than the old one did.
            boolean stays = round.demand(service).suits(round.self()) && fits(round, service, task.slot());
            round.own().stop(task, TaskState.SHUTDOWN, "service was updated before it started", round.now());
            if (stays) {
                succeed(round, addressing, service, task, 0, 0);
            }
        } else if (!round.mayStart(service, task.slot())) {
            return; // until its stewards have voted, or enough of the cluster is in sight
        } else if (predecessor.isEmpty()) {
            round.own().start(task, round.exclusive().token(service, task.slot()));
        } else if (predecessor.get().isActive() && !service.site().isExclusive()) {
            // A start-first update whose first try failed. The other case, a predecessor that is being stopped, needs but patience.
            if (hasRoomBeside(round, service, task)) {
                round.own().start(task);
            } else {
                round.own().stop(predecessor.get(), TaskState.SHUTDOWN, "service was updated", round.now());
            }
        }
    }

    private static boolean hasRoomBeside(Round round, ServiceSpec service, Task task) {
        NodeLoad others = round.load(other -> !other.id().equals(task.id()));
        return task.pickedPorts().keySet().stream().noneMatch(others::uses) && round.demand(service).fits(round.self(), others);
    }

    private void decide(Round round, Addressing addressing, ServiceSpec service, Task ended) {
        round.own().put(ended.withDesired(TaskState.SHUTDOWN));
        boolean done = round.table().wanted(ended.slot()).map(SlotState::completed).orElse(false);
        if (done || service.isJob() && !service.isCurrent(ended) || hasSuccessor(round, ended) || round.rival(ended).isPresent()) {
            return;
        }
        int attempts = restarts.attempts(ended, service, round.now());
        if (!SlotState.mayFollow(ended.state(), attempts, service.restart())) {
            return;
        }
        boolean predecessorLives = round.own().inSlot(ended.slot()).stream().anyMatch(Task::isActive);
        if (ended.state() == TaskState.REJECTED && !predecessorLives) {
            round.own().refuse(ended.slot(), ended.error().isEmpty() ? ended.message() : ended.error(), true, service, round.self(), round.now());
        } else if (fits(round, service, ended.slot())) {
            restarts.restarted(ended, service, round.now());
            long rest = BackOff.after(ended, service.restart(), round.now());
            succeed(round, addressing, service, ended, attempts + 1, rest, BackOff.reason(ended, service.restart(), rest, attempts + 1));
        }
    }

    /** There is room for the slot's next task once the present one is gone. */
    private static boolean fits(Round round, ServiceSpec service, Slot slot) {
        Demand demand = round.demand(service);
        NodeLoad others = round.load(task -> !task.slot().equals(slot));
        return demand.mayStay(round.self()) && demand.networksKnown() && demand.fits(round.self(), others);
    }

    private static void update(Round round, Addressing addressing, ServiceSpec service, Task old) {
        Demand demand = round.demand(service);
        boolean stays = demand.suits(round.self()) && fits(round, service, old.slot());
        boolean roomForBoth = stays && demand.fits(round.self(), round.load(task -> true));
        if (service.update().order() == UpdatePolicy.Order.START_FIRST && !service.site().isExclusive() && roomForBoth && old.state() == TaskState.RUNNING) {
            Optional<Task> tried = lastTry(round, service, old);
            long rest = tried.map(task -> BackOff.afterTry(task, service.restart())).orElse(0L);
            String error = tried.map(task -> "the last try failed: " + (task.error().isEmpty() ? task.message() : task.error())).orElse("");
            Task next = succeed(round, addressing, service, old, 0, rest, error);
            if (next != null && rest == 0) {
                round.own().start(next);
            }
            return;
        }
        round.own().stop(old, TaskState.SHUTDOWN, "service was updated", round.now());
        if (stays) {
            succeed(round, addressing, service, old, 0, 0);
        }
    }

    /** Of the present template, beside {@code old}: it failed, and its restart policy let nothing follow, so the slot is out of date as before. */
    private static Optional<Task> lastTry(Round round, ServiceSpec service, Task old) {
        return round.own().inSlot(old.slot()).stream()
                .filter(task -> service.isCurrent(task) && !task.isLost() && (task.state() == TaskState.REJECTED || task.state() == TaskState.FAILED))
                .filter(task -> task.createdMillis() > old.createdMillis()).max(Comparator.comparingLong(Task::createdMillis));
    }

    private static Task succeed(Round round, Addressing addressing, ServiceSpec service, Task before, int attempt, long delayMillis) {
        return succeed(round, addressing, service, before, attempt, delayMillis, "");
    }

    /** Puts the next task of the slot; null if there is no address or no device for it, which is then the slot's last word here. */
    private static Task succeed(
            Round round, Addressing addressing, ServiceSpec service, Task before, int attempt, long delayMillis, String error) {
        Optional<Reservation> reserved = Reservation.of(round, service, before.slot());
        if (reserved.isEmpty()) {
            round.own().refuse(before.slot(), Reservation.NONE_LEFT, false, service, round.self(), round.now());
            return null;
        }
        AddressPlan.Outcome outcome = addressing.choose(service);
        if (outcome instanceof AddressPlan.Outcome.Granted granted) {
            Task next = round.mint().successor(service, before, attempt, delayMillis, error, granted.addresses(), reserved.get(), round.now());
            round.own().put(next);
            return next;
        }
        round.own().refuse(before.slot(), ((AddressPlan.Outcome.Exhausted) outcome).reason(), false, service, round.self(), round.now());
        return null;
    }

    private static boolean hasForeignAddress(Round round, Task task) {
        for (var entry : task.addresses().entrySet()) {
            NetworkSpec network = round.view().networks().get(entry.getKey());
            if (network != null && !AddressPlan.covers(network, round.own().blocks().getOrDefault(entry.getKey(), List.of()), entry.getValue())) {
                return true;
            }
        }
        return false;
    }
}
