package dev.starling.scheduler.filter;

import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.PartitionPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a task of a service asks of a node, parsed once for all nodes and slots.
 *
 * @param constraintsReadable false where this version does not understand a constraint (a newer one wrote it): then no node satisfies it
 * @param mayStart            false where the service wants a majority of the nodes in sight, and there is none
 */
public record Demand(ServiceSpec service, List<Constraint> constraints, boolean constraintsReadable, boolean networksKnown,
        boolean mayStart, boolean encrypted) {
    public static Demand of(ServiceSpec service, View view) {
        List<Constraint> constraints = new ArrayList<>();
        boolean readable = true;
        for (String text : service.constraints()) {
            try {
                constraints.add(Constraint.parse(text));
            } catch (IllegalArgumentException notUnderstood) {
                readable = false;
            }
        }
        return new Demand(service, List.copyOf(constraints), readable, view.networks().keySet().containsAll(service.networks()),
                mayStart(service, view),
                service.networks().stream().anyMatch(uid -> view.networks().containsKey(uid) && view.networks().get(uid).encrypted()));
    }

    /** More than half of the enrolled nodes are there, where the service asks for that. */
    private static boolean mayStart(ServiceSpec service, View view) {
        return service.site().partition() != PartitionPolicy.MAJORITY
                || view.isMajority(view.nodes().values().stream().filter(NodeView::ready).count());
    }

    /** The node may take tasks of the service at all, whatever runs on it. */
    public boolean suits(NodeView node) {
        return Filter.firstFailed(Filter.STANDING, this, node, null) == null;
    }

    /** A task that is there may stay: a paused node keeps what it has, a label that was taken away ends it. */
    public boolean mayStay(NodeView node) {
        return Filter.firstFailed(List.of(Filter.PLATFORM, Filter.CONSTRAINTS), this, node, null) == null;
    }

    /** There is room beside what {@code load} says. */
    public boolean fits(NodeView node, NodeLoad load) {
        return Filter.firstFailed(Filter.LOAD, this, node, load) == null;
    }

    /** Why there is no room, with amounts; empty if there is. */
    public Optional<String> whyNot(NodeView node, NodeLoad load) {
        return Optional.ofNullable(Filter.firstFailed(Filter.LOAD, this, node, load)).map(filter -> filter.detail(this, node, load));
    }

    /** The first filter which the node fails. */
    public Optional<Filter> failed(NodeView node, NodeLoad load) {
        Filter standing = Filter.firstFailed(Filter.STANDING, this, node, load);
        return Optional.ofNullable(standing != null ? standing : Filter.firstFailed(Filter.LOAD, this, node, load));
    }
}
