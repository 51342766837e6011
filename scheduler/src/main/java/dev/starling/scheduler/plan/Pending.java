package dev.starling.scheduler.plan;

import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import java.util.ArrayList;
import java.util.List;

/** The slots without a task, each with the reason: what {@code docker service ps} shows as pending. */
public final class Pending {
    private Pending() {}

    /** Services by age, slots in order. */
    public static List<PendingTask> tasks(View view) {
        List<PendingTask> pending = new ArrayList<>();
        Occupancy occupancy = Occupancy.of(view);
        for (ServiceSlots slots : SlotTable.of(view).byAge()) {
            ServiceSpec service = slots.service();
            for (SlotState state : slots.wanted()) {
                if (state.isFree()) {
                    Explain explain = Explain.of(view, occupancy, service, state.slot());
                    pending.add(new PendingTask(state.slot(), service.uid(), explain.hasOffer(), explain.summary()));
                }
            }
        }
        return List.copyOf(pending);
    }
}
