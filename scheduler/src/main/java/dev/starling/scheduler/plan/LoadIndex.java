package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Each node's load in one view after another, worked out again only where its tasks or their services have changed. Both are recognized by
 * identity, as in {@link dev.starling.scheduler.slot.SlotIndex}. The loads it gives out must not be changed.
 */
final class LoadIndex {
    private record Known(List<Task> tasks, NodeLoad load) {}

    private SortedMap<NodeId, Known> known = new TreeMap<>();
    private SortedMap<String, ServiceSpec> services = Collections.emptySortedMap();

    /** By place. */
    NodeLoad[] loads(View view, Roster roster) {
        TreeSet<String> changed = changedServices(view.services());
        SortedMap<NodeId, Known> next = new TreeMap<>();
        NodeLoad[] loads = new NodeLoad[roster.size()];
        for (int place = 0; place < loads.length; place++) {
            NodeId node = roster.node(place).id();
            List<Task> tasks = view.tasks().getOrDefault(node, List.of());
            Known before = known.get(node);
            boolean holds = before != null && before.tasks() == tasks && changed.stream().noneMatch(before.load()::mentions);
            Known now = holds ? before : new Known(tasks, Occupancy.planned(tasks, view.services()));
            next.put(node, now);
            loads[place] = now.load();
        }
        known = next;
        return loads;
    }

    private TreeSet<String> changedServices(SortedMap<String, ServiceSpec> now) {
        TreeSet<String> changed = new TreeSet<>();
        if (now != services) {
            now.forEach((uid, service) -> {
                if (services.get(uid) != service) {
                    changed.add(uid);
                }
            });
            services.keySet().stream().filter(uid -> !now.containsKey(uid)).forEach(changed::add);
            services = now;
        }
        return changed;
    }
}
