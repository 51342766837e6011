package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Task;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** At rest: no two running containers have one address in one network. */
public final class AddressesAreUnique implements Invariant {
    @Override
    public Optional<String> violation(Simulation cluster) {
        TreeMap<String, String> holders = new TreeMap<>();
        for (SimNode node : cluster.upNodes()) {
            for (Task task : node.running()) {
                for (Map.Entry<String, String> address : task.addresses().entrySet()) {
                    String holder = task.slot() + " on " + node;
                    String other = holders.put(address.getKey() + " " + address.getValue(), holder);
                    if (other != null) {
                        return Optional.of(address.getValue() + " in network " + address.getKey() + " is held by " + other + " and " + holder);
                    }
                }
            }
        }
        return Optional.empty();
    }
}
