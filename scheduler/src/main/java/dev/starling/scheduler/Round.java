package dev.starling.scheduler;

import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.Predicate;

/**
 * What one phase of a step works with: the view with this node's own record in it, and what follows from it. A phase reads from here and
 * writes to {@code own}; the phase after it gets a new round if it did.
 */
record Round(NodeView self, View view, SlotTable table, Time now, OwnRecord own, Waits waits, TaskMint mint, SchedulerConfig config,
        SortedMap<String, Demand> demands, Exclusive exclusive,
        Sight sight) {
    /** The service's partition policy allows a start here and now. */
    boolean mayStart(ServiceSpec service, Slot slot) {
        return sight.mayStart(this, service) && exclusive.mayRun(this, service, slot);
    }

    Optional<ServiceSpec> service(Slot slot) {
        return Optional.ofNullable(view.services().get(slot.serviceUid()));
    }

    /** Worked out once in a round for each service. */
    Demand demand(ServiceSpec service) {
        return demands.computeIfAbsent(service.uid(), first -> Demand.of(service, view));
    }

    /** Another node's task that holds the slot of {@code task}. */
    Optional<Task> rival(Task task) {
        return table.wanted(task.slot()).map(SlotState::holder).filter(holder -> !holder.node().equals(self.id()));
    }

    /** What this node's tasks take from it, by what they reserved when they were admitted. */
    NodeLoad load(Predicate<Task> counted) {
        return Occupancy.of(own.list(), view.services(), (task, service) -> task.reserved(), counted);
    }
}
