package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.View;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/** Makes new tasks: ids from the random source that was handed in, claim times later than every claim this node has seen. */
final class TaskMint {
    private static final int ID_LENGTH = 25;
    private static final int BASE = 36;

    private final NodeId self;
    private final RandomGenerator random;
    /** The lists that were looked through: most are the same from one view to the next. */
    private final SortedMap<NodeId, List<Task>> observed = new TreeMap<>();
    private HybridTime latest = HybridTime.ZERO;

    TaskMint(NodeId self, RandomGenerator random) {
        this.self = self;
        this.random = random;
    }

    void observe(View view) {
        observed.keySet().retainAll(view.tasks().keySet());
        view.tasks().forEach((node, tasks) -> {
            if (observed.put(node, tasks) != tasks) {
                tasks.forEach(task -> observe(task.claimed()));
            }
        });
        for (List<BlockClaim> claims : view.blocks().values()) {
            claims.forEach(claim -> observe(claim.claimed()));
        }
    }

    private void observe(HybridTime time) {
        latest = time.compareTo(latest) > 0 ? time : latest;
    }

    HybridTime claimTime(Time now) {
        latest = latest.next(now.wallMillis());
        return latest;
    }

    /** The first task of a slot on this node. */
    Task first(ServiceSpec service, Slot slot, int price, int attempt, SortedMap<String, String> addresses, Reservation reserved, Time now) {
        return assigned(service, slot, claimTime(now), price, attempt, TaskState.RUNNING, now.wallMillis(), 0, "", addresses, reserved);
    }

    /**
     * The task after {@code before} in its slot: the same claim, and later on the clock even where the clock was set back.
     *
     * @param error what it waits for, for people; empty where that is not worth a word
     */
    Task successor(ServiceSpec service, Task before, int attempt, long delayMillis, String error, SortedMap<String, String> addresses,
            Reservation reserved, Time now) {
        long created = Math.max(now.wallMillis(), before.createdMillis() + 1);
        return assigned(service, before.slot(), before.claimed(), before.price(), attempt, TaskState.READY, created, delayMillis, error, addresses,
                reserved);
    }

    private Task assigned(ServiceSpec service, Slot slot, HybridTime claimed, int price, int attempt, TaskState desired, long created,
            long delayMillis, String error, SortedMap<String, String> addresses, Reservation reserved) {
        return new Task(id(), slot, self, service.generation(), service.templateHash(), service.image(), TaskState.ASSIGNED, desired, claimed,
                price, attempt, delayMillis == 0 ? 0 : created + delayMillis, created, created, "node claimed the slot", error, -1, "", 0, addresses,
                reserved.resources(), service.iteration(), 0, null, 0, reserved.hostPorts(service), reserved.pickedPorts());
    }

    private String id() {
        StringBuilder id = new StringBuilder(ID_LENGTH);
        for (int i = 0; i < ID_LENGTH; i++) {
            id.append(Character.forDigit(random.nextInt(BASE), BASE));
        }
        return id.toString();
    }
}
