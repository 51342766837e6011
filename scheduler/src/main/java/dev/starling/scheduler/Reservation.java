package dev.starling.scheduler;

import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a new task of this node gets of what the service reserves: the amounts as they are, and of devices with names the ones that no other task
 * has. A task that follows another in its slot may get the same ones, for it starts when the other has ended.
 */
final class Reservation {
    /** The count said that there is room: the node's configuration no longer has the names which older tasks still hold. */
    static final String NONE_LEFT = "the named resources of this node are all in use";

    private Reservation() {}

    static Optional<Resources> of(Round round, ServiceSpec service, Slot slot) {
        Resources wanted = service.reservations();
        if (wanted.generic().isNone()) {
            return Optional.of(wanted);
        }
        List<GenericResources> taken = new ArrayList<>();
        List<GenericResources> lent = new ArrayList<>();
        for (Task task : round.own().list()) {
            if (!task.state().isTerminal()) {
                (task.slot().equals(slot) ? lent : taken).add(task.reserved().generic());
            }
        }
        return round.self().capacity().generic().assign(wanted.generic(), taken, lent).map(wanted::withGeneric);
    }
}
