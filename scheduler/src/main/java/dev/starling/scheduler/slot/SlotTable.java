package dev.starling.scheduler.slot;

import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** All services' slots in a view, and who holds them. Built once for a step; each task is looked at once. */
public final class SlotTable {
    private final SortedMap<String, ServiceSlots> services = new TreeMap<>();

    private SlotTable() {}

    public static SlotTable of(View view) {
        SortedMap<String, SortedMap<Slot, List<Task>>> tasks = new TreeMap<>();
        for (List<Task> ofNode : view.tasks().values()) {
            for (Task task : ofNode) {
                tasks.computeIfAbsent(task.slot().serviceUid(), uid -> new TreeMap<>())
                        .computeIfAbsent(task.slot(), slot -> new ArrayList<>(2)).add(task);
            }
        }
        SlotTable table = new SlotTable();
        for (ServiceSpec service : view.services().values()) {
            table.services.put(service.uid(), ServiceSlots.of(service, tasks.getOrDefault(service.uid(), new TreeMap<>()), view));
        }
        return table;
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
