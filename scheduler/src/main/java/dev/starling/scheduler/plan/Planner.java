package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Gives each free slot a ranking of nodes: those that pass all filters and have not refused, by placement preferences, fewest tasks of the
 * service, price, rendezvous hash, node id. Services are served oldest first, slots in order, and each slot sees what the ones
 * before it took; so 50 replicas on 5 equal nodes are 10 for each, and every node can compute its own 10 without asking.
 *
 * <p>The plan must not change under the feet of those who carry it out: while claims arrive one by one, what is left must be planned as
 * before. It is, because a claimed slot counts where the plan counted it: claims that do not run yet count when their turn in the order
 * comes, running tasks from the beginning; and a node's load only grows by what the plan gave it, which cannot make it win a slot that it
 * lost.
 *
 * <pre>
 *   slot    1   2   3   4   5   6          n2 has claimed 2 and 4; n1 and n3 plan the same for the rest
 *   plan    n1  n2  n3  n2  n1  n3         as if n2's claims had not arrived yet
 * </pre>
 *
 * <p>Cost: for each free slot the nodes that tie for it ({@link Ranking}); for each service with free slots all nodes once.
 */
public final class Planner {
    private static final SortedSet<NodeId> NOBODY = Collections.emptySortedSet();

    private final View view;
    /** The observer's place in {@link #nodes}; -1 where it is not there. */
    private final int own;
    private final List<NodeView> nodes;
    private final SortedMap<NodeId, Integer> indexes = new TreeMap<>();
    /** Of each node's id, made ready for scores. */
    private final long[] prepared;
    private final NodeLoad[] loads;
    /** Of the service that is planned. */
    private final boolean[] imageAtHand;
    private final SortedMap<Slot, SortedSet<NodeId>> refusals = new TreeMap<>();
    private final List<Choice> choices = new ArrayList<>();

    private Planner(View view, NodeId observer) {
        this.view = view;
        this.nodes = List.copyOf(view.nodes().values());
        this.prepared = new long[nodes.size()];
        this.imageAtHand = new boolean[nodes.size()];
        for (int i = 0; i < prepared.length; i++) {
            indexes.put(nodes.get(i).id(), i);
            prepared[i] = Rendezvous.prepared(Rendezvous.hash(nodes.get(i).id().value()));
        }
        this.own = indexes.getOrDefault(observer, -1);
        Occupancy occupancy = Occupancy.of(view);
        this.loads = nodes.stream().map(node -> occupancy.load(node.id())).toArray(NodeLoad[]::new);
        view.refusals().forEach((node, ofNode) -> {
            for (Refusal refusal : ofNode) {
                refusals.computeIfAbsent(refusal.slot(), slot -> new TreeSet<>()).add(node);
            }
        });
    }

    /** One choice for each free slot, services by age, slots in order, as {@code observer} has to know it. */
    public static List<Choice> plan(View view, SlotTable table, NodeId observer) {
        Planner planner = null;
        for (ServiceSlots slots : table.byAge()) {
            if (slots.hasFree()) {
                if (planner == null) {
                    planner = new Planner(view, observer);
                }
                planner.plan(slots);
            }
        }
        return planner == null ? List.of() : planner.choices;
    }

    private void plan(ServiceSlots slots) {
        ServicePlan plan = new ServicePlan(slots.service());
        for (SlotState state : slots.wanted().values()) {
            if (state.isRunning()) {
                plan.count(state);
            }
        }
        for (SlotState state : slots.wanted().values()) {
            if (state.holder() != null && !state.isRunning()) {
                plan.count(state);
            } else if (state.isFree()) {
                choices.add(plan.choose(state.slot()));
            }
        }
    }

    /** The running state of the plan for one service. */
    private final class ServicePlan {
        private final ServiceSpec service;
        private final Demand demand;
        private final SpreadCounts counts;
        private final Ranking ranking;

        ServicePlan(ServiceSpec service) {
            this.service = service;
            this.demand = Demand.of(service, view);
            this.counts = new SpreadCounts(nodes, service.spreadPreferences());
            this.ranking = new Ranking(prepared, counts);
            List<String> names = Price.namesOf(service.image());
            for (int node = 0; node < nodes.size(); node++) {
                if (demand.suits(nodes.get(node))) {
                    imageAtHand[node] = Price.imageAtHand(names, nodes.get(node));
                    rank(node);
                }
            }
        }

        /** Where the node belongs after its load or its tasks have changed; out of it once it has no more room. */
        private void rank(int node) {
            if (demand.fits(nodes.get(node), loads[node])) {
                ranking.put(node, counts.tasks(node), price(node));
            } else {
                ranking.remove(node);
            }
        }

        void count(SlotState state) {
            Integer node = indexes.get(state.holder().node());
            if (node != null) {
                counts.add(node);
                if (ranking.contains(node)) {
                    ranking.put(node, counts.tasks(node), price(node));
                }
            }
        }

        Choice choose(Slot slot) {
            SortedSet<NodeId> refused = refusals.getOrDefault(slot, NOBODY);
            long slotHash = Rendezvous.hash(slot);
            boolean ownTakes = own >= 0 && takes(slot, own, refused);
            int ownPrice = ownTakes ? price(own) : 0;
            int first;
            int position = -1;
            if (slot.isGlobal()) {
                Integer there = indexes.get(slot.node());
                first = there != null && takes(slot, there, refused) ? there : -1;
                position = ownTakes ? 0 : -1;
            } else {
                first = ranking.first(node -> refused.contains(nodes.get(node).id()), !refused.isEmpty(), slotHash);
                if (ownTakes) {
                    int before = ranking.before(own, slotHash, refused.isEmpty() ? Choice.FAR : nodes.size());
                    position = Math.min(Choice.FAR, before - refusedBefore(own, refused, slotHash));
                }
            }
            if (first < 0) {
                return new Choice(slot, null, -1, 0);
            }
            loads[first].add(service);
            counts.add(first);
            rank(first);
            return new Choice(slot, nodes.get(first).id(), position, ownPrice);
        }

        private int refusedBefore(int own, SortedSet<NodeId> refused, long slotHash) {
            int before = 0;
            for (NodeId refuser : refused) {
                Integer node = indexes.get(refuser);
                before += node != null && ranking.contains(node) && ranking.isBefore(node, own, slotHash) ? 1 : 0;
            }
            return before;
        }

        private boolean takes(Slot slot, int node, SortedSet<NodeId> refused) {
            NodeId id = nodes.get(node).id();
            return ranking.contains(node) && (!slot.isGlobal() || slot.node().equals(id)) && !refused.contains(id);
        }

        private int price(int node) {
            return Price.of(service, nodes.get(node), loads[node], imageAtHand[node]);
        }
    }
}
