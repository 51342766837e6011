package dev.starling.scheduler.slot;

import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.View;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;

/** All services' slots in a view, and who holds them. */
public final class SlotTable {
    /** Oldest service first: the order in which capacity is given out. */
    public static final Comparator<ServiceSpec> AGE = Comparator.comparing(ServiceSpec::created).thenComparing(ServiceSpec::uid);

    private final SortedMap<String, ServiceSlots> services;
    private final List<ServiceSlots> byAge;

    /** @param byAge the same in the order of {@link #AGE} */
    SlotTable(SortedMap<String, ServiceSlots> services, List<ServiceSlots> byAge) {
        this.services = services;
        this.byAge = byAge;
    }

    /** Of one view by itself; who makes many of them keeps a {@link SlotIndex}. */
    public static SlotTable of(View view) {
        return new SlotIndex().table(view);
    }

    /** In the order of {@link #AGE}. */
    public List<ServiceSlots> byAge() {
        return byAge;
    }

    public Optional<ServiceSlots> service(String uid) {
        return Optional.ofNullable(services.get(uid));
    }

    /** Empty if the slot's service is gone or does not want the slot. */
    public Optional<SlotState> wanted(Slot slot) {
        return service(slot.serviceUid()).map(slots -> slots.wanted(slot));
    }
}
