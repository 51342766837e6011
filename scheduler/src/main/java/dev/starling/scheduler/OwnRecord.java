package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.plan.Price;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What this node says of itself (its tasks, refusals and blocks) and the effects that changing it has. Every change goes through here, so
 * that the record which the others see and the containers that run cannot drift apart: a task is put before it is started, started once
 * and stopped once.
 */
final class OwnRecord {
    private static final long ADDRESS_REST_MILLIS = 60_000;

    private final NodeId self;
    private final SortedMap<String, Task> tasks = new TreeMap<>();
    private final SortedMap<Slot, OwnRefusal> refusals = new TreeMap<>();
    private final SortedMap<String, List<BlockClaim>> blocks = new TreeMap<>();
    private final SortedMap<String, CompletedWork> completed = new TreeMap<>();
    /** Immutable copy of {@link #completed}, the same until that changes. */
    private List<CompletedWork> completedList = List.of();
    /** Ids of tasks whose Start was given, also by the agent before this one: whether they run is for the effect runner to report. */
    private final SortedSet<String> begun = new TreeSet<>();
    /** Of those, the ones an earlier agent gave and nothing was reported of yet. */
    private final SortedSet<String> unadopted = new TreeSet<>();
    private final SortedSet<String> stopping = new TreeSet<>();
    /** Network uid and address -> when it was given back, monotonic milliseconds. */
    private final SortedMap<String, Long> resting = new TreeMap<>();
    private final List<Refusal> restoredRefusals = new ArrayList<>();
    private final List<String> restoredAddresses = new ArrayList<>();
    private List<Effect> effects = new ArrayList<>();
    /** Immutable copy of {@link #tasks}, null when it is out of date. */
    private List<Task> list;

    OwnRecord(NodeId self) {
        this.self = self;
    }

    void restore(Collection<Task> oldTasks, Collection<Refusal> oldRefusals, Collection<BlockClaim> oldBlocks, Collection<CompletedWork> oldCompleted) {
        oldCompleted.forEach(work -> completed.put(work.serviceUid(), work));
        completedList = List.copyOf(completed.values());
        for (Task task : oldTasks) {
            tasks.put(task.id(), task);
            list = null;
            if (task.state().isTerminal()) {
                task.addresses().forEach((network, address) -> restoredAddresses.add(addressKey(network, address)));
            } else if (task.desired() != TaskState.READY) {
                begun.add(task.id());
                unadopted.add(task.id());
            }
        }
        restoredRefusals.addAll(oldRefusals);
        for (BlockClaim block : oldBlocks) {
            blocks.merge(block.networkUid(), List.of(block), OwnRecord::concat);
        }
    }

    /** Refusals are not kept over a restart of the agent, since what they rested on may have changed; addresses rest once more. */
    void settleRestored(Time now) {
        restoredRefusals.forEach(refusal -> effects.add(new Effect.DropRefusal(refusal.slot())));
        restoredRefusals.clear();
        restoredAddresses.forEach(key -> resting.put(key, now.monotonicMillis()));
        restoredAddresses.clear();
    }

    /** {@code view} with what this node knows of itself in place of what the others see of it. */
    View over(View view) {
        SortedMap<NodeId, List<Task>> allTasks = new TreeMap<>(view.tasks());
        allTasks.put(self, list());
        SortedMap<NodeId, List<Refusal>> allRefusals = new TreeMap<>(view.refusals());
        allRefusals.put(self, refusals.values().stream().map(OwnRefusal::refusal).toList());
        return overBlocks(new View(view.nodes(), view.services(), view.networks(), allTasks, allRefusals, view.blocks(), overCompleted(view),
                view.loads(), view.taskHistoryLimit(), view.suspected()));
    }

    private SortedMap<NodeId, List<CompletedWork>> overCompleted(View view) {
        if (view.completed().getOrDefault(self, List.of()).equals(completedList)) {
            return view.completed();
        }
        SortedMap<NodeId, List<CompletedWork>> all = new TreeMap<>(view.completed());
        all.put(self, completedList);
        return all;
    }

    View overBlocks(View view) {
        SortedMap<NodeId, List<BlockClaim>> allBlocks = new TreeMap<>(view.blocks());
        allBlocks.put(self, blocks.values().stream().flatMap(List::stream).toList());
        return new View(view.nodes(), view.services(), view.networks(), view.tasks(), view.refusals(), allBlocks, view.completed(), view.loads(),
                view.taskHistoryLimit(), view.suspected());
    }

    SortedMap<String, Task> tasks() {
        return Collections.unmodifiableSortedMap(new TreeMap<>(tasks));
    }

    /** A copy, to walk over while the record changes. */
    List<Task> list() {
        if (list == null) {
            list = List.copyOf(tasks.values());
        }
        return list;
    }

    Optional<Task> task(String id) {
        return Optional.ofNullable(tasks.get(id));
    }

    List<Task> inSlot(Slot slot) {
        return tasks.values().stream().filter(task -> task.slot().equals(slot)).toList();
    }

    boolean hasBegun(Task task) {
        return begun.contains(task.id());
    }

    void put(Task task) {
        tasks.put(task.id(), task);
        list = null;
        effects.add(new Effect.PutTask(task));
    }

    void start(Task task) {
        start(task, 0);
    }

    /** @param token of an exclusive slot that this node holds */
    void start(Task task, long token) {
        Task running = task.withDesired(TaskState.RUNNING).withFencingToken(token);
        if (!running.equals(tasks.get(task.id()))) {
            put(running);
        }
        if (begun.add(task.id())) {
            effects.add(new Effect.Start(running));
        }
    }

    /** Takes a report of the effect runner; false if it says nothing new, or would move a state back. */
    boolean apply(TaskReport report, Time now) {
        Task task = tasks.get(report.taskId());
        if (task == null || !hasBegun(task) || task.state().isTerminal() || report.state().compareTo(task.state()) < 0) {
            return false;
        }
        boolean lost = unadopted.remove(task.id()) && report.state() == TaskState.FAILED && report.exitCode() < 0;
        boolean stoppedAsAsked = report.state().isTerminal() && task.desired().compareTo(TaskState.RUNNING) > 0;
        Task next = task.with(stoppedAsAsked ? TaskState.SHUTDOWN : report.state(),
                lost ? report.withMessage(Task.LOST) : report, now.wallMillis());
        if (next.equals(task)) {
            return false;
        }
        put(next);
        if (next.state().isTerminal()) {
            ended(next, now);
        }
        return true;
    }

    /** Asks for the task's end. One that was never started ends here and now. */
    void stop(Task task, TaskState wish, String reason, Time now) {
        Task stopped = task.withDesired(wish);
        if (!hasBegun(task)) {
            stopped = stopped.endedUnstarted(TaskState.SHUTDOWN, reason, "", now.wallMillis());
            put(stopped);
            ended(stopped, now);
            return;
        }
        if (!stopped.equals(task)) {
            put(stopped);
        }
        if (stopping.add(task.id())) {
            effects.add(new Effect.Stop(stopped, reason));
        }
    }

    boolean isStopping(Task task) {
        return stopping.contains(task.id());
    }

    void drop(Task task) {
        tasks.remove(task.id());
        list = null;
        begun.remove(task.id());
        effects.add(new Effect.DropTask(task));
    }

    private void ended(Task task, Time now) {
        stopping.remove(task.id());
        task.addresses().forEach((network, address) -> resting.put(addressKey(network, address), now.monotonicMillis()));
    }

    void refuse(Slot slot, String reason, boolean afterFailure, ServiceSpec service, NodeView node, Time now) {
        Refusal refusal = new Refusal(slot, reason, now.wallMillis());
        refusals.put(slot, new OwnRefusal(refusal, afterFailure, service.templateHash(), Price.imageAtHand(service.image(), node)));
        effects.add(new Effect.PutRefusal(refusal));
    }

    List<OwnRefusal> refusals() {
        return List.copyOf(refusals.values());
    }

    Optional<OwnRefusal> refusal(Slot slot) {
        return Optional.ofNullable(refusals.get(slot));
    }

    void dropRefusal(Slot slot) {
        refusals.remove(slot);
        effects.add(new Effect.DropRefusal(slot));
    }

    SortedMap<String, List<BlockClaim>> blocks() {
        return Collections.unmodifiableSortedMap(blocks);
    }

    void putBlocks(String networkUid, List<BlockClaim> all) {
        if (all.isEmpty()) {
            blocks.remove(networkUid);
        } else {
            blocks.put(networkUid, List.copyOf(all));
        }
        effects.add(new Effect.PutBlocks(networkUid, List.copyOf(all)));
    }

    SortedMap<String, CompletedWork> completed() {
        return Collections.unmodifiableSortedMap(completed);
    }

    void putCompleted(CompletedWork work) {
        completed.put(work.serviceUid(), work);
        completedList = List.copyOf(completed.values());
        effects.add(new Effect.PutCompleted(work));
    }

    void dropCompleted(String serviceUid) {
        completed.remove(serviceUid);
        completedList = List.copyOf(completed.values());
        effects.add(new Effect.DropCompleted(serviceUid));
    }

    void amend(ServiceSpec service, Amendment amendment) {
        effects.add(new Effect.AmendService(service.uid(), service.generation(), amendment));
    }

    /** Monotonic milliseconds at which the address was given back, while it should still rest. */
    Optional<Long> restingSince(String networkUid, String address, Time now) {
        return Optional.ofNullable(resting.get(addressKey(networkUid, address)))
                .filter(since -> since + ADDRESS_REST_MILLIS > now.monotonicMillis());
    }

    void forgetRested(Time now) {
        resting.values().removeIf(since -> since + ADDRESS_REST_MILLIS <= now.monotonicMillis());
    }

    int effectCount() {
        return effects.size();
    }

    List<Effect> takeEffects() {
        List<Effect> taken = List.copyOf(effects);
        effects = new ArrayList<>();
        return taken;
    }

    private static String addressKey(String networkUid, String address) {
        return networkUid + ' ' + address;
    }

    private static <T> List<T> concat(List<T> first, List<T> second) {
        List<T> all = new ArrayList<>(first);
        all.addAll(second);
        return List.copyOf(all);
    }
}
