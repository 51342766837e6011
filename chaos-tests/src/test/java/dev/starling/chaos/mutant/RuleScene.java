package dev.starling.chaos.mutant;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.chaos.invariant.AddressesAreUnique;
import dev.starling.chaos.invariant.AtMostInChange;
import dev.starling.chaos.invariant.CapacityRespected;
import dev.starling.chaos.invariant.CompletedWorkStaysDone;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.ExclusiveSlotsRunOnce;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.JobsAreDone;
import dev.starling.chaos.invariant.MinoritiesStartNothing;
import dev.starling.chaos.invariant.TasksAreEven;
import dev.starling.chaos.invariant.Templates;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Resources;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * Situations in which one rule is all that stands between the cluster and a broken invariant, and which random runs come by too seldom. Unbroken they pass;
 * with the rule gone they have to fail ({@link RuleMutantsTest}). They are given the simulation's seed.
 */
enum RuleScene implements LongConsumer {
    /** Who holds an exclusive slot is cut off for longer than its lease: it has to stop before another begins. */
    HOLDER_IS_CUT_OFF {
        @Override
        public void accept(long seed) {
            Simulation cluster = cluster(seed, 5);
            cluster.always(new ExclusiveSlotsRunOnce());
            create(cluster, Services.replicated("db", 3).exclusive(cluster.nodes().stream().map(SimNode::id).toList()));
            cluster.settle(AT_REST, CALM_MILLIS);
            cluster.partition(List.of(firstThatRuns(cluster)));
            cluster.runFor(40_000);
            cluster.heal();
            cluster.settle(AT_REST, CALM_MILLIS);
        }
    },
    /** The smaller side of a partition, long after it has noticed, is told to run more of a majority service. */
    MINORITY_IS_TOLD_TO_SCALE_UP {
        @Override
        public void accept(long seed) {
            Simulation cluster = cluster(seed, 5);
            MinoritiesStartNothing minorities = new MinoritiesStartNothing();
            cluster.always(minorities);
            cluster.periodically(minorities);
            Document web = create(cluster, Services.replicated("web", 5).label("starling.partition", "majority"));
            cluster.settle(AT_REST, CALM_MILLIS);
            cluster.partition(cluster.nodes().subList(0, 2));
            cluster.runFor(25_000);
            update(cluster, web, Services.replicated("web", 12).label("starling.partition", "majority"));
            cluster.runFor(10_000);
            cluster.heal();
            cluster.settle(AT_REST, CALM_MILLIS);
        }
    },
    UPDATE_ONE_BY_ONE {
        @Override
        public void accept(long seed) {
            Simulation cluster = cluster(seed, 4);
            Document web = create(cluster, Services.replicated("web", 6).updating(1));
            cluster.settle(AT_REST, CALM_MILLIS);
            AtMostInChange one = new AtMostInChange(web.uid(), 6, 1);
            cluster.always(one);
            update(cluster, web, Services.replicated("web", 6).updating(1).image("next:1"));
            cluster.settle(AT_REST, CALM_MILLIS);
            require(one.most() == 1, "the update changed nothing");
        }
    },
    /** What starts late would leave a gap, if what runs did not wait for it. */
    DRAIN_START_FIRST {
        @Override
        public void accept(long seed) {
            Simulation cluster = cluster(seed, 4);
            Document web = create(cluster, Services.replicated("web", 8).image("slow:1").startFirst());
            cluster.settle(AT_REST, CALM_MILLIS);
            cluster.always(new AtMostInChange(web.uid(), 8, 0));
            SimNode drained = firstThatRuns(cluster);
            drain(cluster, drained);
            require(cluster.runUntil(() -> drained.running().isEmpty(), 20_000), "it is not drained");
        }
    },
    A_NODE_COMES {
        @Override
        public void accept(long seed) {
            Simulation cluster = cluster(seed, 3);
            create(cluster, Services.replicated("web", 12));
            cluster.settle(AT_REST, CALM_MILLIS);
            SimNode fresh = cluster.addNode(Role.MANAGER, new Resources(4_000_000_000L, 4L << 30));
            fresh.start();
            cluster.enrol(fresh);
            cluster.settle(List.of(new ViewsAreEqual(), new TasksAreEven()), CALM_MILLIS);
        }
    },
    /** Their records go with them, and with these what they had done. */
    NODES_THAT_DID_A_JOB_ARE_REMOVED {
        @Override
        public void accept(long seed) {
            Simulation cluster = cluster(seed, 6);
            cluster.always(new CompletedWorkStaysDone());
            create(cluster, Services.job("job", 12, 6));
            cluster.settle(List.of(new ViewsAreEqual(), new JobsAreDone()), CALM_MILLIS);
            cluster.runFor(3_000);
            for (SimNode gone : cluster.nodes().subList(4, 6)) {
                gone.powerCut();
                require(cluster.runUntil(() -> !isReady(first(cluster), gone), 30_000), "its death is not known");
                first(cluster).operate((core, now) -> core.delete(gone.id().value(), now));
                cluster.runFor(5_000);
            }
        }
    },
    /** Twelve slots fill three nodes, and are told to take twice as much. */
    UPDATE_TO_MORE_THAN_THERE_IS {
        @Override
        public void accept(long seed) {
            Simulation cluster = cluster(seed, 3);
            cluster.always(new CapacityRespected(new Templates()));
            Document web = create(cluster, Services.replicated("web", 12).reserving(1_000_000_000L, 1 << 20).updating(0));
            cluster.settle(AT_REST, CALM_MILLIS);
            update(cluster, web, Services.replicated("web", 12).reserving(2_000_000_000L, 1 << 20).updating(0));
            cluster.runFor(20_000);
            require(cluster.nodes().stream().allMatch(node -> node.running().size() == 2), "not all nodes are full");
        }
    },
    /** The only place of a service's tasks is another one from now on. */
    A_LABEL_IS_TAKEN_AWAY {
        @Override
        public void accept(long seed) {
            Simulation cluster = cluster(seed, 4);
            SimNode one = cluster.nodes().get(1);
            SimNode other = cluster.nodes().get(2);
            label(cluster, one, "a");
            create(cluster, Services.replicated("web", 3).constrained("node.labels.zone==a"));
            cluster.settle(AT_REST, CALM_MILLIS);
            require(one.running().size() == 3, "they are elsewhere");
            label(cluster, other, "a");
            label(cluster, one, "b");
            require(cluster.runUntil(() -> one.running().isEmpty() && other.running().size() == 3, CALM_MILLIS), "they did not follow the label");
        }
    },
    /** A network of two blocks, which each side of a partition takes for itself. */
    BOTH_SIDES_TAKE_THE_SAME_ADDRESSES {
        @Override
        public void accept(long seed) {
            Simulation cluster = cluster(seed, 4);
            Document network = first(cluster).operate((core, now) -> core.create(Kind.NETWORK, null, Services.network("net", "10.9.0.0/27", 4_097), now));
            cluster.settle(List.of(new ViewsAreEqual()), CALM_MILLIS);
            List<SimNode> side = cluster.nodes().subList(0, 2);
            cluster.partition(side);
            cluster.runFor(10_000);
            for (SimNode manager : List.of(cluster.nodes().get(0), cluster.nodes().get(3))) {
                Services service = Services.replicated("of-" + manager, 4).on(network.uid());
                manager.operate((core, now) -> core.create(Kind.SERVICE, null, service.body(), now));
            }
            cluster.runFor(10_000);
            require(!new AddressesAreUnique().holds(cluster), "no address was given twice");
            cluster.heal();
            cluster.settle(AT_REST, CALM_MILLIS);
            cluster.settle(List.of(new AddressesAreUnique()), CALM_MILLIS);
        }
    };

    private static final List<Invariant> AT_REST = List.of(new ViewsAreEqual(), new EachSlotRunsOnce());
    private static final long CALM_MILLIS = 90_000;

    private static Simulation cluster(long seed, int nodes) {
        Simulation cluster = new Simulation(seed);
        cluster.rebalanceAfter(Duration.ofSeconds(10), Duration.ofSeconds(2));
        cluster.addNodes(nodes);
        cluster.startAll();
        cluster.settle(List.of(new ViewsAreEqual()), CALM_MILLIS);
        cluster.runFor(2_000);
        return cluster;
    }

    private static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    private static SimNode first(Simulation cluster) {
        return cluster.nodes().get(0);
    }

    private static SimNode firstThatRuns(Simulation cluster) {
        return cluster.nodes().stream().filter(node -> !node.running().isEmpty()).findFirst().orElseThrow();
    }

    private static boolean isReady(SimNode observer, SimNode node) {
        NodeView known = observer.core().view().nodes().get(node.id());
        return known != null && known.ready();
    }

    private static Document create(Simulation cluster, Services service) {
        return first(cluster).operate((core, now) -> core.create(Kind.SERVICE, null, service.body(), now));
    }

    private static void update(Simulation cluster, Document which, Services service) {
        first(cluster).operate((core, now) -> core.update(which.uid(), generation(core.documents(Kind.SERVICE), which.uid()), service.body(), now));
    }

    private static void drain(Simulation cluster, SimNode node) {
        change(cluster, node, body -> body.withObject("/Spec").put("Availability", "drain"));
    }

    private static void label(Simulation cluster, SimNode node, String zone) {
        change(cluster, node, body -> body.withObject("/Spec/Labels").put("zone", zone));
    }

    private static void change(Simulation cluster, SimNode node, Consumer<ObjectNode> change) {
        first(cluster).operate((core, now) -> {
            Document here = core.documents(Kind.NODE).stream().filter(document -> document.uid().equals(node.id().value())).findFirst().orElseThrow();
            ObjectNode body = here.body().deepCopy();
            change.accept(body);
            return core.update(here.uid(), here.object().generation(), body, now);
        });
    }

    private static long generation(List<Document> documents, String uid) {
        return documents.stream().filter(document -> document.uid().equals(uid)).findFirst().orElseThrow().object().generation();
    }
}
