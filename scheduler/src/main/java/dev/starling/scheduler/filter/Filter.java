package dev.starling.scheduler.filter;

import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Resources;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What a node must satisfy to take a task, each rule with its explanation: in a few words, for the line of a task that waits, and with
 * amounts, for {@code starling explain}. The order is the order in which they are asked; a node is named under the first one that it fails.
 */
public enum Filter {
    READY {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return node.ready();
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.same("down");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            return "node is down, or has not yet told what it has";
        }
    },
    AVAILABILITY {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return node.availability() == Availability.ACTIVE;
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.same(node.availability() == Availability.DRAIN ? "drained" : "paused");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            return "node's availability is " + node.availability().name().toLowerCase(Locale.ROOT);
        }
    },
    PLATFORM {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.service().platforms().isEmpty() || demand.service().platforms().stream().anyMatch(node.platform()::runs);
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.same("wrong platform");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            return "wrong platform: the image is for " + demand.service().platforms().stream().map(Filter::text).collect(Collectors.joining(", "))
                    + ", the node is " + text(node.platform());
        }
    },
    CONSTRAINTS {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.constraintsReadable() && demand.constraints().stream().allMatch(constraint -> constraint.matches(node));
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.same("outside the constraints");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            if (!demand.constraintsReadable()) {
                return "a constraint is not understood by this release: " + String.join(", ", demand.service().constraints());
            }
            return demand.constraints().stream().filter(constraint -> !constraint.matches(node)).findFirst()
                    .map(constraint -> "constraint not satisfied: " + constraint + ", the node has " + has(constraint, node)).orElse("");
        }

        private static String has(Constraint constraint, NodeView node) {
            String actual = Constraint.attribute(node, constraint.key());
            return actual == null ? "no such label" : "\"" + actual + "\"";
        }
    },
    PARTITION {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.mayStart();
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.same("in sight of too few nodes");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            return "half of the enrolled nodes or more are out of sight, and the service has starling.partition=majority";
        }
    },
    NETWORKS {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.networksKnown();
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.same("without the network");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            return "a network of the service is not known yet, or was removed";
        }
    },
    NETWORK_ENCRYPTION {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return !demand.encrypted() || !node.obstacles().noEncryption();
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.same("without encryption for networks");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            return "a network of the service is encrypted, and the node's kernel lacks what that needs (its docker info names it)";
        }
    },
    BIND_SOURCES {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return node.obstacles().missingPaths().isEmpty() || missing(demand, node).isEmpty();
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.lacking(missing(demand, node).get(0));
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            return "bind source path does not exist: " + String.join(", ", missing(demand, node));
        }

        private static List<String> missing(Demand demand, NodeView node) {
            return demand.service().bindSources().stream().filter(node.obstacles().missingPaths()::contains).toList();
        }
    },
    CPU {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            long wanted = demand.service().reservations().nanoCpus();
            return wanted == 0 || node.capacity().nanoCpus() - load.reserved().nanoCpus() >= wanted;
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.lacking("CPU");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            Resources free = node.capacity().minus(load.reserved());
            return String.format(Locale.ROOT, "insufficient CPU: wants %.2f, %.2f free",
                    demand.service().reservations().nanoCpus() / 1e9, free.nanoCpus() / 1e9);
        }
    },
    MEMORY {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            long wanted = demand.service().reservations().memoryBytes();
            return wanted == 0 || node.capacity().memoryBytes() - load.reserved().memoryBytes() >= wanted;
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.lacking("memory");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            Resources free = node.capacity().minus(load.reserved());
            return String.format(Locale.ROOT, "insufficient memory: wants %.1f MiB, %.1f MiB free",
                    demand.service().reservations().memoryBytes() / 1048576.0, free.memoryBytes() / 1048576.0);
        }
    },
    GENERIC_RESOURCES {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.service().reservations().generic().isNone()
                    || node.capacity().generic().minus(load.reserved().generic()).covers(demand.service().reservations().generic());
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.lacking(shortOf(demand, node, load));
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            String kind = shortOf(demand, node, load);
            long has = node.capacity().generic().count(kind);
            return "insufficient " + kind + ": wants " + demand.service().reservations().generic().count(kind) + ", "
                    + (has - load.reserved().generic().count(kind)) + " of " + has + " free";
        }

        private static String shortOf(Demand demand, NodeView node, NodeLoad load) {
            return node.capacity().generic().minus(load.reserved().generic()).shortOf(demand.service().reservations().generic()).orElse("");
        }
    },
    HOST_PORTS {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.service().hostPorts().isEmpty() || taken(demand, node, load).isEmpty();
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            String port = taken(demand, node, load).get(0);
            return new Brief("has " + port + " in use", "have " + port + " in use");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            return taken(demand, node, load).stream().map(port -> port + (load.uses(port) ? " by a task" : " by a process of the host"))
                    .collect(Collectors.joining(", ", "host-mode port already in use: ", ""));
        }

        private static List<String> taken(Demand demand, NodeView node, NodeLoad load) {
            return demand.service().hostPorts().stream()
                    .filter(port -> load.uses(port) || node.obstacles().takenPorts().contains(port)).toList();
        }
    },
    OPEN_PORTS {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            return demand.service().openPorts().isEmpty() || OpenPorts.shortOf(demand.service(), node, load).isEmpty();
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            String range = OpenPorts.shortOf(demand.service(), node, load).orElseThrow().range();
            return new Brief("has no port of " + range + " left", "have no port of " + range + " left");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            OpenPorts.Shortage shortage = OpenPorts.shortOf(demand.service(), node, load).orElseThrow();
            return "too few host-mode ports left to pick from: wants " + shortage.wanted() + " of " + shortage.range() + ", " + shortage.free() + " free";
        }
    },
    MAX_REPLICAS {
        @Override
        boolean passes(Demand demand, NodeView node, NodeLoad load) {
            int limit = demand.service().maxReplicasPerNode();
            return limit == 0 || load.tasksOf(demand.service().uid()) < limit;
        }

        @Override
        public Brief brief(Demand demand, NodeView node, NodeLoad load) {
            return Brief.same("at max replicas per node");
        }

        @Override
        public String detail(Demand demand, NodeView node, NodeLoad load) {
            return "runs " + load.tasksOf(demand.service().uid()) + " of them, max replicas per node is " + demand.service().maxReplicasPerNode();
        }
    };

    /** Those which depend on the node and the service alone, not on what else runs there. */
    static final List<Filter> STANDING = List.of(READY, AVAILABILITY, PLATFORM, CONSTRAINTS, PARTITION, NETWORKS, NETWORK_ENCRYPTION,
            BIND_SOURCES);
    /** Those which depend on what else runs there. */
    static final List<Filter> LOAD = List.of(CPU, MEMORY, GENERIC_RESOURCES, HOST_PORTS, OPEN_PORTS, MAX_REPLICAS);

    abstract boolean passes(Demand demand, NodeView node, NodeLoad load);

    /** Of a node that fails: the fewest words, for a count of such nodes. */
    public abstract Brief brief(Demand demand, NodeView node, NodeLoad load);

    /** Of a node that fails: why, with what is wanted and what there is. */
    public abstract String detail(Demand demand, NodeView node, NodeLoad load);

    private static String text(Platform platform) {
        return platform.os() + "/" + platform.architecture();
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
