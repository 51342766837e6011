package dev.starling.scheduler;

import dev.starling.scheduler.lease.Leases;
import dev.starling.scheduler.lease.Stewards;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.Time;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What the phases ask about exclusive slots: whether this node holds one now, and in which term. Asking is wanting: whoever may not run a slot
 * yet gets its stewards asked, for as long as a phase asks in each pass; so is every slot of which this node has a task that has not ended.
 */
final class Exclusive {
    private final Leases leases;
    private final SortedMap<Slot, Leases.Wish> wishes = new TreeMap<>();
    /** Slots that a container of this node may still be in; of a service that was removed they are wanted no more, and not free yet. */
    private final SortedSet<Slot> occupied = new TreeSet<>();
    private Time now;
    private Waits waits;

    Exclusive(Leases leases) {
        this.leases = leases;
    }

    void begin(Time time, Waits ofRound) {
        now = time;
        waits = ofRound;
        wishes.clear();
        occupied.clear();
    }

    /** True for services that are not exclusive. */
    boolean mayRun(Round round, ServiceSpec service, Slot slot) {
        if (!service.site().isExclusive()) {
            return true;
        }
        want(round, service, slot);
        boolean held = leases.token(slot, now.monotonicMillis()).isPresent();
        if (held) {
            waits.wakeAt(leases.heldUntil(slot));
        }
        return held;
    }

    /** 0 for services that are not exclusive. */
    long token(ServiceSpec service, Slot slot) {
        OptionalLong token = service.site().isExclusive() ? leases.token(slot, now.monotonicMillis()) : OptionalLong.of(0);
        return token.orElseThrow(() -> new IllegalStateException("exclusive slot " + slot + " is started without its stewards' votes"));
    }

    /** A slot is given up when the last container of it has ended here. */
    void wantForTasks(Round round) {
        for (Task task : round.own().list()) {
            ServiceSpec service = round.service(task.slot()).orElse(null);
            boolean there = !task.state().isTerminal() && (task.isActive() || round.own().hasBegun(task));
            if (there && task.fencingToken() > 0) {
                occupied.add(task.slot());
            }
            if (there && service != null && service.site().isExclusive()) {
                want(round, service, task.slot());
            }
        }
    }

    private void want(Round round, ServiceSpec service, Slot slot) {
        wishes.computeIfAbsent(slot, first -> new Leases.Wish(slot, Stewards.first(slot, service.site().electorate()),
                round.view().nodes().keySet(), round.view().nodes().values().stream().filter(NodeView::ready).map(NodeView::id).toList()));
    }

    SortedSet<Slot> occupied() {
        return occupied;
    }

    SortedMap<Slot, Leases.Wish> wishes() {
        return wishes;
    }
}
