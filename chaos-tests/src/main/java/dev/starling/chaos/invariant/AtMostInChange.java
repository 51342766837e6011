package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import java.util.Optional;
import java.util.TreeSet;

/** During a rollout, once all slots run: at most so many slots of the service have no running container anywhere. */
public final class AtMostInChange implements NodeInvariant {
    private final String serviceUid;
    private final int slots;
    private final int limit;
    private int most;

    public AtMostInChange(String serviceUid, int slots, int limit) {
        this.serviceUid = serviceUid;
        this.slots = slots;
        this.limit = limit;
    }

    @Override
    public Optional<String> violation(Simulation cluster, SimNode touched) {
        TreeSet<Integer> running = new TreeSet<>();
        for (SimNode node : cluster.nodes()) {
            node.running().stream().filter(task -> task.slot().serviceUid().equals(serviceUid)).forEach(task -> running.add(task.slot().index()));
        }
        int inChange = slots - running.size();
        most = Math.max(most, inChange);
        return inChange <= limit ? Optional.empty()
                : Optional.of(inChange + " of " + slots + " slots do not run, at most " + limit + " may be in change; running are " + running);
    }

    /** The most there ever were. */
    public int most() {
        return most;
    }
}
