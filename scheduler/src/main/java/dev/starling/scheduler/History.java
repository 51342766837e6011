package dev.starling.scheduler;

import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.slot.SlotState;
import java.util.Comparator;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Keeps the newest ended tasks of each slot, counted over all nodes; each node drops its own share of the rest. Where nobody holds the
 * slot one is kept in any case: it says what went wrong, or that the work is done.
 */
final class History implements Phase {
    private static final Comparator<Task> NEWEST_FIRST = Comparator.comparing(Task::claimed).thenComparingLong(Task::createdMillis)
            .thenComparing(Task::id).reversed();

    @Override
    public void run(Round round) {
        SortedSet<Slot> slots = new TreeSet<>();
        round.own().list().stream().filter(History::isHistory).map(Task::slot).forEach(slots::add);
        for (Slot slot : slots) {
            round.table().wanted(slot).ifPresent(state -> prune(round, state));
        }
    }

    private static void prune(Round round, SlotState state) {
        boolean judged = round.service(state.slot()).map(service -> !service.stage().isUnderWay()).orElse(true); // by its newest end, perhaps
        int limit = Math.max(round.view().taskHistoryLimit(), state.holder() == null || !judged ? 1 : 0);
        List<Task> ended = state.tasks().stream().filter(History::isHistory).sorted(NEWEST_FIRST).toList();
        long iteration = round.service(state.slot()).map(ServiceSpec::iteration).orElse(0L);
        ended.stream().skip(limit).filter(task -> task.node().equals(round.self().id()))
                .filter(task -> !task.isCompletedWork() || task.iteration() != iteration) // it says that the work is done
                .forEach(round.own()::drop);
    }

    private static boolean isHistory(Task task) {
        return task.state().isTerminal() && !SlotState.isUndecided(task);
    }
}
