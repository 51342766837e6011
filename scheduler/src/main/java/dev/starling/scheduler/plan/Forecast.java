package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What would run where if the cluster were another one: the same planner over a view that somebody made up. Nothing is done, and what happens on
 * the way there (restarts, refusals that only the node itself knows) is not foreseen.
 *
 * @param placements every slot of either view, services by age, slots in order
 */
public record Forecast(List<Placement> placements) {
    /**
     * @param before the node that has the slot now; null for none
     * @param after  the node that would have it; null for none
     * @param reason why no node would; empty where one does, or where the slot is not wanted or has done its work
     */
    public record Placement(Slot slot, String serviceName, NodeId before, NodeId after, String reason) {
        public boolean moves() {
            return before != null && after != null && !before.equals(after);
        }
    }

    public static Forecast of(View now, View then) {
        SlotTable tableNow = SlotTable.of(now);
        View kept = withoutWhatMayNotStay(then);
        SlotTable table = SlotTable.of(kept);
        SortedMap<Slot, NodeId> chosen = new TreeMap<>();
        if (!kept.nodes().isEmpty()) {
            Planner.plan(kept, table, kept.nodes().firstKey()).stream().filter(choice -> choice.first() != null)
                    .forEach(choice -> chosen.put(choice.slot(), choice.first()));
        }
        View full = withChosen(kept, chosen);
        Occupancy occupancy = Occupancy.of(full);
        List<Placement> placements = new ArrayList<>();
        SortedSet<Slot> seen = new TreeSet<>();
        for (ServiceSlots slots : table.byAge()) {
            Demand demand = Demand.of(slots.service(), full);
            for (SlotState state : slots.wanted()) {
                seen.add(state.slot());
                NodeId after = state.holder() != null ? state.holder().node() : chosen.get(state.slot());
                String reason = after == null && state.isFree() ? Explain.of(full, occupancy, demand, state.slot(), null).summary() : "";
                placements.add(new Placement(state.slot(), slots.service().name(), holder(tableNow, state.slot()), after, reason));
            }
        }
        for (ServiceSlots slots : tableNow.byAge()) {
            slots.wanted().stream().filter(state -> state.holder() != null && !seen.contains(state.slot())).forEach(state ->
                    placements.add(new Placement(state.slot(), slots.service().name(), state.holder().node(), null, "")));
        }
        return new Forecast(List.copyOf(placements));
    }

    private static NodeId holder(SlotTable table, Slot slot) {
        return table.wanted(slot).map(SlotState::holder).map(Task::node).orElse(null);
    }

    /** A task whose node no longer suits its service would end there, and its slot be free. */
    private static View withoutWhatMayNotStay(View view) {
        SortedMap<String, Demand> demands = new TreeMap<>();
        SortedMap<NodeId, List<Task>> tasks = new TreeMap<>();
        view.tasks().forEach((node, ofNode) -> tasks.put(node, ofNode.stream().filter(task -> {
            ServiceSpec service = view.services().get(task.slot().serviceUid());
            return service == null || !task.isActive() || !view.nodes().containsKey(node)
                    || demands.computeIfAbsent(service.uid(), uid -> Demand.of(service, view)).mayStay(view.nodes().get(node));
        }).toList()));
        return view.withTasks(tasks);
    }

    private static View withChosen(View view, SortedMap<Slot, NodeId> chosen) {
        SortedMap<NodeId, List<Task>> tasks = new TreeMap<>(view.tasks());
        chosen.forEach((slot, node) -> {
            ServiceSpec service = view.services().get(slot.serviceUid());
            List<Task> more = new ArrayList<>(tasks.getOrDefault(node, List.of()));
            more.add(new Task("planned " + slot, slot, node, service.generation(), service.templateHash(), service.image(), TaskState.ASSIGNED,
                    TaskState.RUNNING, HybridTime.ZERO, 0, 0, 0, 0, 0, "", "", -1, "", 0, new TreeMap<>(), service.reservations(),
                    service.iteration(), 0, null, 0, service.hostPorts(), Collections.emptySortedMap()));
            tasks.put(node, more);
        });
        return view.withTasks(tasks);
    }
}
