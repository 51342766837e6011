package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.address.AddressPlan;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.plan.Choice;
import dev.starling.scheduler.plan.Planner;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Claims the free slots that are this node's to take. Ranked first: at once. Ranked j: when nobody has taken the slot for j beats.
 * Before each claim the task is admitted against what this node itself knows it has given away; if that does not do, the node refuses,
 * so that the others need not wait.
 *
 * <p>Where every node that could has refused (an image that does not exist, say), one of them tries again after the restart delay. Which
 * one turns with each try, by hash; the others follow a beat apart in case it does not.
 *
 * <p>Of a job's iteration that is over, as records show which arrived before the document that says so, nothing begins any more.
 */
final class Bidding implements Phase {
    private static final long MIN_RETRY_MILLIS = 1_000;

    private final Planner planner;
    private final RestartLog restarts;

    Bidding(Planner planner, RestartLog restarts) {
        this.planner = planner;
        this.restarts = restarts;
    }

    @Override
    public void run(Round round) {
        boolean mayPlaceNew = round.sight().mayPlaceNew(round);
        if (!mayPlaceNew && round.table().byAge().stream().noneMatch(slots -> slots.hasFree() && !round.sight().isNew(slots.service().uid()))) {
            return; // a plan for services that may not be placed yet would be made once more for each that comes
        }
        List<Choice> choices = planner.turns(round.view(), round.table());
        if (choices.isEmpty()) {
            return;
        }
        NodeLoad load = round.load(task -> true);
        Addressing addressing = new Addressing(round);
        boolean mayTakeOver = round.sight().mayTakeOver(round);
        for (Choice choice : choices) {
            ServiceSpec service = round.service(choice.slot()).orElseThrow();
            if (awaitsDocument(round, service)) {
                continue;
            }
            if (!mayTakeOver && isLost(round, choice.slot()) || !mayPlaceNew && round.sight().isNew(service.uid())) {
                continue;
            }
            if (choice.position() >= 0) {
                if (round.waits().isTurn(choice.slot(), choice.position() * round.config().beat().toMillis())) {
                    claim(round, service, choice, load, addressing);
                }
            } else if (choice.first() == null && round.own().refusal(choice.slot()).filter(OwnRefusal::afterFailure).isPresent()) {
                retry(round, service, choice.slot());
            }
        }
    }

    /** Not for ever: of two documents that were written on two sides of a partition, the one with the earlier iteration may prevail. */
    private static boolean awaitsDocument(Round round, ServiceSpec service) {
        return round.table().service(service.uid()).filter(ServiceSlots::overtaken).isPresent()
                && !round.waits().isOver("document of " + service.uid(), CompletionUpkeep.DOCUMENT_LAG_MILLIS);
    }

    private static boolean isLost(Round round, Slot slot) {
        return round.table().wanted(slot).filter(state -> state.isLost(round.view())).isPresent();
    }

    private void claim(Round round, ServiceSpec service, Choice choice, NodeLoad load, Addressing addressing) {
        if (!round.mayStart(service, choice.slot())) {
            return; // its stewards are being asked, or the cluster is about to fall apart
        }
        Optional<String> noRoom = round.demand(service).whyNot(round.self(), load);
        if (noRoom.isPresent()) {
            round.own().refuse(choice.slot(), noRoom.get(), false, service, round.self(), round.now());
            return;
        }
        Optional<Reservation> reserved = Reservation.of(round, service, choice.slot());
        if (reserved.isEmpty()) {
            round.own().refuse(choice.slot(), Reservation.NONE_LEFT, false, service, round.self(), round.now());
            return;
        }
        AddressPlan.Outcome outcome = addressing.choose(service);
        if (outcome instanceof AddressPlan.Outcome.Granted granted) {
            Task task = round.mint().first(service, choice.slot(), choice.price(), attempts(round, service, choice.slot()),
                    granted.addresses(), reserved.get(), round.now());
            round.own().put(task);
            round.own().start(task, round.exclusive().token(service, choice.slot()));
            load.add(service);
        } else if (outcome instanceof AddressPlan.Outcome.Exhausted exhausted) {
            round.own().refuse(choice.slot(), exhausted.reason(), false, service, round.self(), round.now());
        }
    }

    private int attempts(Round round, ServiceSpec service, Slot slot) {
        return Math.max(attempt(round, service, slot), restarts.attempts(slot, service, round.now()));
    }

    /** Rejected tasks count against the restart policy's attempts on whatever node they were. */
    private static int attempt(Round round, ServiceSpec service, Slot slot) {
        return round.table().wanted(slot).map(SlotState::newest)
                .filter(newest -> newest.state() == TaskState.REJECTED && service.isCurrent(newest))
                .map(newest -> newest.attempt() + 1).orElse(0);
    }

    private record Refuser(NodeId node, long since) {}

    private static void retry(Round round, ServiceSpec service, Slot slot) {
        Demand demand = round.demand(service);
        List<Refuser> refusers = round.view().nodes().values().stream().filter(demand::suits).map(NodeView::id)
                .flatMap(node -> round.view().refusals().getOrDefault(node, List.of()).stream()
                        .filter(refusal -> refusal.slot().equals(slot)).map(Refusal::sinceMillis).map(since -> new Refuser(node, since)))
                .toList();
        long newest = refusers.stream().mapToLong(Refuser::since).max().orElse(0);
        long seed = Rendezvous.score(Rendezvous.hash(slot), newest);
        Comparator<Refuser> byTurn = Comparator.comparingLong((Refuser refuser) -> Rendezvous.score(seed, Rendezvous.hash(refuser.node().value())))
                .thenComparing(Refuser::node);
        List<NodeId> turns = refusers.stream().sorted(byTurn).map(Refuser::node).toList();
        int turn = turns.indexOf(round.self().id());
        long rest = BackOff.afterRejections(attempt(round, service, slot), turns.size(), service.restart());
        long delay = Math.max(MIN_RETRY_MILLIS, rest) + turn * round.config().beat().toMillis();
        if (turn >= 0 && round.waits().isOver("retry " + slot + " " + newest + " " + turns.size(), delay)) {
            round.own().dropRefusal(slot);
        }
    }
}
