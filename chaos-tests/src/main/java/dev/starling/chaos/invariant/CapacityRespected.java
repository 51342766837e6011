package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import java.util.Optional;

/** Always: what a node's containers reserve is no more than it has, whatever services and clients compete for it. */
public final class CapacityRespected implements NodeInvariant {
    private final Templates templates;

    public CapacityRespected() {
        this(new Templates());
    }

    public CapacityRespected(Templates templates) {
        this.templates = templates;
    }

    @Override
    public Optional<String> violation(Simulation cluster, SimNode node) {
        templates.observe(node);
        Resources used = used(templates, node);
        return node.capacity().covers(used) ? Optional.empty()
                : Optional.of(node + " runs tasks that reserve " + used + " and has " + node.capacity());
    }

    static Resources used(Templates templates, SimNode node) {
        Resources used = Resources.NONE;
        for (Task task : node.running()) {
            used = used.plus(templates.of(task).map(ServiceSpec::reservations).orElse(Resources.NONE));
        }
        return used;
    }
}
