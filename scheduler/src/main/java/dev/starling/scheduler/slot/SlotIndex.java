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
import java.util.Comparator;
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
    /** As a view lists them: by node, and by id where one node has several. */
    private static final Comparator<Task> BY_NODE = Comparator.comparing(Task::node).thenComparing(Task::id);

    /** What is known of one service's slots; the tasks may be there before the service is, and after it has gone. */
    private static final class ServiceIndex {
        /** Immutable lists, which the slots' states share. */
        final SortedMap<Slot, List<Task>> tasks = new TreeMap<>();
        /** Slots whose states in {@link #slots} no longer hold. */
        final SortedSet<Slot> touched = new TreeSet<>();
        ServiceSpec service;
        /** As they were when last worked out; null where nothing of that holds. */
        ServiceSlots slots;
        boolean outOfDate;
        /** Of a job: what all records together keep of it, by iteration: one that is known of here only from records must not hide another. */
        SortedMap<Long, CompletedWork> done = Collections.emptySortedMap();

        /** A task of {@code slot} has changed, or its node. */
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

        /** Null where it has to be worked out. */
        SlotState known(Slot slot) {
            SlotState state = slots == null || touched.contains(slot) ? null : slots.wanted().get(slot);
            return state != null && state.withheld() ? null : state;
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
            int order = old == before.size() ? 1 : next == after.size() ? -1 : before.get(old).id().compareTo(after.get(next).id());
            if (order == 0 && before.get(old) == after.get(next)) {
                old++;
                next++;
                continue;
            }
            if (order <= 0) {
                remove(before.get(old++));
            }
            if (order >= 0) {
                add(after.get(next++));
            }
        }
    }

    private void add(Task task) {
        ServiceIndex index = index(task.slot().serviceUid());
        index.tasks.merge(task.slot(), List.of(task), (ofSlot, added) -> {
            List<Task> more = new ArrayList<>(ofSlot);
            int place = Collections.binarySearch(more, task, BY_NODE);
            more.add(place < 0 ? -place - 1 : place, task);
            return List.copyOf(more);
        });
        index.touch(task.slot());
    }

    private void remove(Task task) {
        ServiceIndex index = index(task.slot().serviceUid());
        index.tasks.computeIfPresent(task.slot(), (slot, ofSlot) -> {
            List<Task> left = ofSlot.stream().filter(other -> other != task).toList();
            return left.isEmpty() ? null : List.copyOf(left);
        });
        index.touch(task.slot());
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
                index(task.slot().serviceUid()).touch(task.slot());
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
            index.slots = ServiceSlots.of(service, index.tasks, view, index::known, index.done);
            index.outOfDate = false;
            index.touched.clear();
        }
        return index.slots;
    }
}
