package dev.starling.scheduler.slot;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Makes the {@link SlotTable} of one view after another, and looks again only at what has changed between two: in a cluster of a hundred
 * nodes most views differ in one task, and a node makes several tables a second. The table is the one that {@link SlotTable#of} makes from
 * the view alone ({@code SlotIndexTest} holds it to that); only the cost depends on what was asked before.
 *
 * <p>What has not changed is recognized by identity, which works because views share the parts in which they do not differ.
 */
public final class SlotIndex {
    /** What is known of one service's slots; the tasks may be there before the service is, and after it has gone. */
    private static final class ServiceIndex {
        final SlotTasks tasks = new SlotTasks();
        /** Slots of nodes that have come or gone, or are drained: their states in {@link #slots} do not hold, though their tasks are the same. */
        final SortedSet<Slot> touched = new TreeSet<>();
        ServiceSpec service;
        /** As they were when last worked out; null where nothing of that holds. */
        ServiceSlots slots;
        boolean outOfDate;
        /** Of a job: what all records together keep of it, by iteration: one that is known of here only from records must not hide another. */
        SortedMap<Long, CompletedWork> done = Collections.emptySortedMap();

        void touch(Slot slot) {
            if (slots != null) {
                touched.add(slot);
            }
            outOfDate = true;
        }

        void forgetSlots() {
            slots = null;
            touched.clear();
        }
    }

    private final SortedMap<String, ServiceIndex> services = new TreeMap<>();
    private final SortedMap<NodeId, List<Task>> counted = new TreeMap<>();
    private SortedMap<String, ServiceSpec> known = Collections.emptySortedMap();
    private List<ServiceSpec> servicesByAge = List.of();
    private SortedMap<NodeId, NodeView> nodes = Collections.emptySortedMap();
    private SortedMap<String, NetworkSpec> networks = Collections.emptySortedMap();
    private SortedMap<NodeId, List<CompletedWork>> completed = Collections.emptySortedMap();
    private SortedSet<NodeId> holding = new TreeSet<>();

    public SlotTable table(View view) {
        takeTasks(view);
        services.values().forEach(index -> index.tasks.settle());
        takeNodes(view);
        takeCompleted(view);
        takeServices(view);
        SortedMap<String, ServiceSlots> all = new TreeMap<>();
        List<ServiceSlots> byAge = new ArrayList<>(servicesByAge.size());
        for (ServiceSpec service : servicesByAge) {
            ServiceSlots slots = slots(service, view);
            all.put(service.uid(), slots);
            byAge.add(slots);
        }
        services.values().removeIf(index -> index.tasks.isEmpty() && index.done.isEmpty() && !view.services().containsKey(uid(index)));
        return new SlotTable(all, Collections.unmodifiableList(byAge));
    }

    private void takeServices(View view) {
        if (view.services() != known) {
            known = view.services();
            servicesByAge = known.values().stream().sorted(SlotTable.AGE).toList();
        }
    }

    private static String uid(ServiceIndex index) {
        return index.service == null ? "" : index.service.uid();
    }

    private void takeTasks(View view) {
        for (var entry : view.tasks().entrySet()) {
            List<Task> before = counted.put(entry.getKey(), entry.getValue());
            if (before != entry.getValue()) {
                replace(before == null ? List.of() : before, entry.getValue());
            }
        }
        if (counted.size() > view.tasks().size()) {
            SortedSet<NodeId> gone = new TreeSet<>(counted.keySet());
            gone.removeAll(view.tasks().keySet());
            gone.forEach(node -> replace(counted.remove(node), List.of()));
        }
    }

    /** Both lists are in id order. */
    private void replace(List<Task> before, List<Task> after) {
        int old = 0;
        int next = 0;
        while (old < before.size() || next < after.size()) {
            int order = old == before.size() ? 1 : next == after.size() ? -1 : order(before.get(old), after.get(next));
            if (order == 0) {
                exchange(before.get(old++), after.get(next++));
            } else if (order < 0) {
                ServiceIndex index = index(before.get(old));
                index.tasks.remove(before.get(old++));
                index.outOfDate = true;
            } else {
                ServiceIndex index = index(after.get(next));
                index.tasks.add(after.get(next++));
                index.outOfDate = true;
            }
        }
    }

    private static int order(Task one, Task other) {
        return one == other ? 0 : one.id().compareTo(other.id());
    }

    /** Of one id. */
    private void exchange(Task before, Task after) {
        if (before == after) {
            return;
        }
        ServiceIndex index = index(before);
        index.outOfDate = true;
        if (before.slot().serviceUid().equals(after.slot().serviceUid())) {
            index.tasks.replace(before, after);
        } else {
            index.tasks.remove(before);
            index(after).tasks.add(after);
            index(after).outOfDate = true;
        }
    }

    private ServiceIndex index(Task task) {
        return index(task.slot().serviceUid());
    }

    private ServiceIndex index(String serviceUid) {
        return services.computeIfAbsent(serviceUid, uid -> new ServiceIndex());
    }

    /** A node that comes, goes or is drained changes the state of the slots in which it has tasks; what suits global services may be new. */
    private void takeNodes(View view) {
        if (view.nodes() == nodes && view.networks() == networks) {
            return;
        }
        nodes = view.nodes();
        networks = view.networks();
        SortedSet<NodeId> now = new TreeSet<>();
        for (NodeView node : nodes.values()) {
            if (node.ready() && node.availability() != Availability.DRAIN) {
                now.add(node.id());
            }
        }
        SortedSet<NodeId> changed = new TreeSet<>(now);
        changed.removeAll(holding);
        holding.removeAll(now);
        changed.addAll(holding);
        holding = now;
        for (NodeId node : changed) {
            for (Task task : counted.getOrDefault(node, List.of())) {
                index(task).touch(task.slot());
            }
        }
        for (ServiceIndex index : services.values()) {
            index.outOfDate |= index.service != null && index.service.isPerNode();
        }
    }

    /** What the nodes keep of jobs comes together here; that is little, so it is joined anew each time. */
    private void takeCompleted(View view) {
        if (view.completed() == completed) {
            return;
        }
        completed = view.completed();
        SortedMap<String, SortedMap<Long, CompletedWork>> joined = new TreeMap<>();
        completed.values().forEach(ofNode -> ofNode.forEach(work -> joined.computeIfAbsent(work.serviceUid(), uid -> new TreeMap<>())
                .merge(work.iteration(), work, CompletedWork::join)));
        services.forEach((uid, index) -> {
            SortedMap<Long, CompletedWork> done = joined.getOrDefault(uid, Collections.emptySortedMap());
            joined.remove(uid);
            if (!done.equals(index.done)) {
                index.done = done;
                index.forgetSlots();
            }
        });
        joined.forEach((uid, done) -> index(uid).done = done);
    }

    private ServiceSlots slots(ServiceSpec service, View view) {
        ServiceIndex index = index(service.uid());
        if (index.service != service) {
            index.service = service;
            index.forgetSlots();
        }
        if (index.slots == null || index.outOfDate) {
            index.slots = ServiceSlots.of(service, index.tasks, view, index.slots, index.touched, index.done);
            index.outOfDate = false;
            index.touched.clear();
        }
        return index.slots;
    }
}
