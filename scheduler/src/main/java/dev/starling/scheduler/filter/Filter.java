package dev.starling.scheduler.filter;

import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Resources;
import java.util.List;
import java.util.Locale;

/**
 * What a node must satisfy to take a task, each rule with its explanation in Docker's words (SwarmKit manager/scheduler/filter.go). The
 * order is the order in which they are asked; a node is named under the first one that it fails.
 */
public enum Filter {
    READY("not available for new tasks") {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return node.ready();
        }
    },
    AVAILABILITY("not available for new tasks") {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return node.availability() == Availability.ACTIVE;
        }
    },
    PLATFORM("unsupported platform on") {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.service().platforms().isEmpty() || demand.service().platforms().stream().anyMatch(node.platform()::runs);
        }
    },
    CONSTRAINTS("scheduling constraints not satisfied on") {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.constraintsReadable() && demand.constraints().stream().allMatch(constraint -> constraint.matches(node));
        }
    },
    PARTITION("half of the enrolled nodes or more out of sight of") {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.mayStart();
        }
    },
    NETWORKS("network not yet known to") {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.networksKnown();
        }
    },
    CPU("insufficient CPU on") {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            long wanted = demand.service().reservations().nanoCpus();
            return wanted == 0 || node.capacity().nanoCpus() - load.reserved().nanoCpus() >= wanted;
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            Resources free = node.capacity().minus(load.reserved());
            return String.format(Locale.ROOT, "insufficient CPU: wants %.2f, %.2f free",
                    demand.service().reservations().nanoCpus() / 1e9, free.nanoCpus() / 1e9);
        }
    },
    MEMORY("insufficient memory on") {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            long wanted = demand.service().reservations().memoryBytes();
            return wanted == 0 || node.capacity().memoryBytes() - load.reserved().memoryBytes() >= wanted;
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            Resources free = node.capacity().minus(load.reserved());
            return String.format(Locale.ROOT, "insufficient memory: wants %.1f MiB, %.1f MiB free",
                    demand.service().reservations().memoryBytes() / 1048576.0, free.memoryBytes() / 1048576.0);
        }
    },
    HOST_PORTS("host-mode port already in use on") {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.service().hostPorts().isEmpty() || demand.service().hostPorts().stream().noneMatch(load::uses);
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            return "host-mode port already in use: " + String.join(", ", demand.service().hostPorts().stream().filter(load::uses).toList());
        }
    },
    MAX_REPLICAS("max replicas per node limit exceeded on") {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            int limit = demand.service().maxReplicasPerNode();
            return limit == 0 || load.tasksOf(demand.service().uid()) < limit;
        }
    };

    /** Those which depend on the node and the service alone, not on what else runs there. */
    static final List<Filter> STANDING = List.of(READY, AVAILABILITY, PLATFORM, CONSTRAINTS, PARTITION, NETWORKS);
    /** Those which depend on what else runs there. */
    static final List<Filter> LOAD = List.of(CPU, MEMORY, HOST_PORTS, MAX_REPLICAS);

    private final String explanation;

    Filter(String explanation) {
        this.explanation = explanation;
    }

    abstract boolean passes(Demand demand, NodeView node, NodeLoad load);

    /** Why this one node does not do, e.g. with what it wants and what is free. */
    public String detail(Demand demand, NodeView node, NodeLoad load) {
        return this == READY || this == AVAILABILITY ? "node is " + explanation : explanation + " this node";
    }

    /** "2 nodes not available for new tasks", "insufficient memory on 1 node". */
    public String explain(int nodes) {
        String count = nodes + (nodes == 1 ? " node" : " nodes");
        return this == READY || this == AVAILABILITY ? count + " " + explanation : explanation + " " + count;
    }

    /** The first of {@code filters} that {@code node} fails; null if it passes all. */
    static Filter firstFailed(List<Filter> filters, Demand demand, NodeView node, NodeLoad load) {
        for (Filter filter : filters) {
            if (!filter.passes(demand, node, load)) {
                return filter;
            }
        }
        return null;
    }
}
