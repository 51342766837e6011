package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Slot;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/** During a rollout: of the slots that have run, at most so many have no running container now, among some nodes or all. */
public final class AtMostInChange implements NodeInvariant {
    private final String serviceUid;
    private final int limit;
    private final Collection<SimNode> among;
    private final TreeSet<Integer> known = new TreeSet<>();
    private int most;

    /** On whatever node, once the slots 1 to {@code slots} all run. */
    public AtMostInChange(String serviceUid, int slots, int limit) {
        this(serviceUid, limit, List.of());
        for (int slot = 1; slot <= slots; slot++) {
            known.add(slot);
        }
    }

    /** @param among the nodes on one side of a partition: what they run now and later; empty for all */
    public AtMostInChange(String serviceUid, int limit, Collection<SimNode> among) {
        this.serviceUid = serviceUid;
        this.limit = limit;
        this.among = List.copyOf(among);
    }

    @Override
    public Optional<String> violation(Simulation cluster, SimNode touched) {
        TreeSet<Integer> running = new TreeSet<>();
        for (SimNode node : among.isEmpty() ? cluster.nodes() : among) {
            node.running().stream().filter(task -> task.slot().serviceUid().equals(serviceUid)).forEach(task -> running.add(task.slot().index()));
        }
        known.addAll(running);
        TreeSet<Integer> inChange = new TreeSet<>(known);
        inChange.removeAll(running);
        most = Math.max(most, inChange.size());
        return inChange.size() <= limit ? Optional.empty()
                : Optional.of("the slots " + inChange + " of " + known.size() + " do not run" + (among.isEmpty() ? "" : " on " + among) + ", at most " + limit
                        + " may be in change" + records(cluster, inChange));
    }

    private String records(Simulation cluster, Collection<Integer> slots) {
        StringBuilder text = new StringBuilder();
        slots.forEach(slot -> text.append("\n  slot ").append(slot).append(EachSlotRunsOnce.known(cluster, Slot.replica(serviceUid, slot))));
        return text.toString();
    }

    /** The most there ever were. */
    public int most() {
        return most;
    }
}
