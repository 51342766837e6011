package dev.starling.scheduler;

import dev.starling.scheduler.filter.OpenPorts;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;

/**
 * What a new task of this node gets of what the service reserves: the amounts as they are, of devices with names the ones that no other task
 * has, and numbers for the ports that the service leaves open. A task that follows another in its slot may get the same ones, for it starts when the
 * other has ended; but where there are other ports it gets those, since with start-first both are to run.
 *
 * @param pickedPorts see {@link Task#pickedPorts}
 */
record Reservation(Resources resources, SortedMap<String, Integer> pickedPorts) {
    /** The count said that there is room: the node's configuration no longer has the names which older tasks still hold, say. */
    static final String NONE_LEFT = "the named resources of this node, or the ports that it may pick, are all in use";

    static Optional<Reservation> of(Round round, ServiceSpec service, Slot slot) {
        return resources(round, service, slot).flatMap(resources -> ports(round, service, slot).map(ports -> new Reservation(resources, ports)));
    }

    private static Optional<Resources> resources(Round round, ServiceSpec service, Slot slot) {
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

    private static Optional<SortedMap<String, Integer>> ports(Round round, ServiceSpec service, Slot slot) {
        if (service.openPorts().isEmpty()) {
            return Optional.of(Collections.emptySortedMap());
        }
        Set<String> avoided = avoided(round);
        return OpenPorts.pick(service, round.self(), round.load(task -> true), avoided)
                .or(() -> OpenPorts.pick(service, round.self(), round.load(task -> !task.slot().equals(slot)), avoided));
    }

    /**
     * Those which some service asks for by number, and may come here; and those of tasks that ended before they ran: a process may have taken one since the
     * node last looked, or have it without listening on it.
     */
    private static Set<String> avoided(Round round) {
        Set<String> avoided = new TreeSet<>();
        round.view().services().values().forEach(service -> avoided.addAll(service.hostPorts()));
        round.own().list().stream().filter(Reservation::neverRan).forEach(task -> avoided.addAll(task.pickedPorts().keySet()));
        return avoided;
    }

    private static boolean neverRan(Task task) {
        return task.state() == TaskState.REJECTED || task.state() == TaskState.FAILED && task.ranMillis() == 0;
    }

    /** All that the task holds of its host. */
    List<String> hostPorts(ServiceSpec service) {
        if (pickedPorts.isEmpty()) {
            return service.hostPorts();
        }
        List<String> all = new ArrayList<>(service.hostPorts());
        all.addAll(pickedPorts.keySet());
        return List.copyOf(all);
    }
}
