package dev.starling.scheduler;

import dev.starling.scheduler.address.AddressPlan;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/** Gives addresses to this node's new tasks within one round, and claims blocks for them. */
final class Addressing implements AddressPlan.Usage {
    private final Round round;
    private final SortedSet<String> inUse = new TreeSet<>();
    private View view;

    Addressing(Round round) {
        this.round = round;
        this.view = round.view();
        for (Task task : round.own().list()) {
            if (!task.state().isTerminal()) {
                task.addresses().forEach((network, address) -> inUse.add(network + ' ' + address));
            }
        }
    }

    /** What the next {@link #choose} would say; takes nothing. */
    AddressPlan.Outcome look(ServiceSpec service) {
        return new AddressPlan(view, round.self().id(), round.mint().claimTime(round.now()), this).choose(service.networks());
    }

    /** Takes one address in each of the service's networks. */
    AddressPlan.Outcome choose(ServiceSpec service) {
        AddressPlan.Outcome outcome = look(service);
        if (outcome instanceof AddressPlan.Outcome.Granted granted) {
            granted.addresses().forEach((network, address) -> inUse.add(network + ' ' + address));
            if (!granted.blocks().isEmpty()) {
                granted.blocks().forEach(round.own()::putBlocks);
                view = round.own().overBlocks(view);
            }
        }
        return outcome;
    }

    @Override
    public boolean inUse(String networkUid, String address) {
        return inUse.contains(networkUid + ' ' + address);
    }

    @Override
    public Optional<Long> restingSince(String networkUid, String address) {
        return round.own().restingSince(networkUid, address, round.now());
    }
}
