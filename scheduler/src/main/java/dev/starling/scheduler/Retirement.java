package dev.starling.scheduler;

import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.UpdatePolicy;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import java.util.List;
import java.util.Optional;

/**
 * Ends this node's tasks that shall not go on: their service is gone or does not want the slot (then every trace of them goes, but for work that is done), the node
 * is drained or no longer meets a constraint, another node's claim on the slot prevails, or a successor on this node runs.
 */
final class Retirement implements Phase {
    @Override
    public void run(Round round) {
        for (Task task : round.own().list()) {
            Optional<ServiceSpec> service = round.service(task.slot());
            if (service.isEmpty()) {
                remove(round, task, "service removed");
            } else if (round.table().wanted(task.slot()).isEmpty()) {
                if (saysThatWorkIsDone(service.get(), task)) {
                    keep(round, task);
                } else if (knowsWhatIsWanted(round, service.get())) {
                    remove(round, task, "scaled down");
                }
            } else if (task.isActive()) {
                reasonToStop(round, service.get(), task).ifPresent(reason -> round.own().stop(task, TaskState.SHUTDOWN, reason, round.now()));
            } else if (!task.state().isTerminal() && !round.own().isStopping(task)) {
                round.own().stop(task, task.desired(), "stop was under way when the agent ended", round.now());
            }
        }
    }

    /**
     * After a partition records come before documents: of a service that was scaled up on the other side there are more tasks than the document here
     * wants, and each node would give some up that are wanted. Not waited for for ever, since a document may have been lost with its disk.
     */
    private static boolean knowsWhatIsWanted(Round round, ServiceSpec service) {
        return round.table().service(service.uid()).filter(ServiceSlots::documentBehind).isEmpty()
                || round.waits().isOver("document of " + service.uid(), CompletionUpkeep.DOCUMENT_LAG_MILLIS);
    }

    /**
     * A job that is scaled down has done what it has done. Were that dropped, a node that hears of it before it hears of the new document would see a slot that is wanted, and
     * do its work again. It goes with the iteration.
     */
    private static boolean saysThatWorkIsDone(ServiceSpec service, Task task) {
        return task.isCompletedWork() && service.isCurrent(task);
    }

    private static void keep(Round round, Task completed) {
        if (SlotState.isUndecided(completed)) {
            round.own().put(completed.withDesired(TaskState.SHUTDOWN)); // nothing follows it
        }
    }

    private static void remove(Round round, Task task, String reason) {
        if (task.state().isTerminal()) {
            round.own().drop(task);
        } else if (task.desired() != TaskState.REMOVE || !round.own().isStopping(task)) {
            round.own().stop(task, TaskState.REMOVE, reason, round.now());
        }
    }

    private static Optional<String> reasonToStop(Round round, ServiceSpec service, Task task) {
        if (round.self().availability() == Availability.DRAIN) {
            return staysUntilReplaced(round, service, task) ? Optional.empty() : Optional.of("node is drained");
        }
        if (service.isJob() && !service.isCurrent(task)) {
            return Optional.of("the job began a new iteration");
        }
        if (service.isJob() && round.table().wanted(task.slot()).map(SlotState::completed).orElse(false)) {
            return Optional.of("the slot's work is done, by another task");
        }
        if (service.isCurrent(task) && !round.demand(service).mayStay(round.self())) {
            return Optional.of("node no longer satisfies the placement constraints");
        }
        if (hasRunningSuccessor(round, task)) {
            return Optional.of("replaced by its successor");
        }
        Optional<Task> rival = round.rival(task).filter(other -> !round.self().id().equals(other.movesTo()));
        if (rival.isPresent()) {
            if (yieldsAtOnce(service, task, rival.get()) || round.waits().isOver("duplicate " + task.id(), round.config().duplicateGrace().toMillis())) {
                return Optional.of("slot is held by node " + rival.get().node());
            }
        }
        return Optional.empty();
    }

    /**
     * To one that runs, if it is of the same template or of the present one. Of two that are both out of date each node may name another winner, by the
     * document it has; so neither stops until one of them is of the present template, or for long enough that all have the same document.
     */
    private static boolean yieldsAtOnce(ServiceSpec service, Task task, Task rival) {
        boolean sameTemplate = rival.templateHash().equals(task.templateHash());
        return rival.state() == TaskState.RUNNING && (sameTemplate || service.isCurrent(rival));
    }

    /** A service that is updated start-first is drained so too: its task goes on until another node runs the slot, for a while. */
    private static boolean staysUntilReplaced(Round round, ServiceSpec service, Task task) {
        boolean startFirst = service.update().order() == UpdatePolicy.Order.START_FIRST && !service.site().isExclusive();
        boolean replaced = round.rival(task).filter(rival -> rival.state() == TaskState.RUNNING).isPresent();
        return startFirst && task.state() == TaskState.RUNNING && !replaced
                && !round.waits().isOver("drain " + task.id(), round.config().rebalance().limit().toMillis());
    }

    private static boolean hasRunningSuccessor(Round round, Task task) {
        return round.table().wanted(task.slot()).map(SlotState::tasks).orElse(List.of()).stream()
                .anyMatch(other -> other.node().equals(task.node()) && other.isActive() && other.state() == TaskState.RUNNING
                        && other.createdMillis() > task.createdMillis());
    }
}
