package dev.starling.scheduler.slot;

import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.View;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;

/** All services' slots in a view, and who holds them. */
public final class SlotTable {
    private final SortedMap<String, ServiceSlots> services;

    SlotTable(SortedMap<String, ServiceSlots> services) {
        this.services = services;
    }

    /** Of one view by itself; who makes many of them keeps a {@link SlotIndex}. */
    public static SlotTable of(View view) {
        return new SlotIndex().table(view);
    }

    /** Oldest service first: the order in which capacity is given out. */
    public List<ServiceSlots> byAge() {
        return services.values().stream()
                .sorted(Comparator.comparing((ServiceSlots slots) -> slots.service().created()).thenComparing(slots -> slots.service().uid()))
                .toList();
    }

    public Optional<ServiceSlots> service(String uid) {
        return Optional.ofNullable(services.get(uid));
    }

    /** Empty if the slot's service is gone or does not want the slot. */
    public Optional<SlotState> wanted(Slot slot) {
        return service(slot.serviceUid()).map(slots -> slots.wanted().get(slot));
    }
}
