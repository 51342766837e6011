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
import java.util.Arrays;
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
 * <p>Cost: (free slots) x (nodes that suit the service).
 */
public final class Planner {
    private final View view;
    private final NodeId observer;
    private final List<NodeView> nodes;
    private final SortedMap<NodeId, Integer> indexes = new TreeMap<>();
    private final long[] hashes;
    private final NodeLoad[] loads;
    private final SortedMap<Slot, SortedSet<NodeId>> refusals = new TreeMap<>();
    private final List<Choice> choices = new ArrayList<>();

    private Planner(View view, NodeId observer) {
        this.view = view;
        this.observer = observer;
        this.nodes = List.copyOf(view.nodes().values());
        this.hashes = new long[nodes.size()];
        for (int i = 0; i < hashes.length; i++) {
            indexes.put(nodes.get(i).id(), i);
            hashes[i] = Rendezvous.hash(nodes.get(i).id().value());
        }
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
        private final int[] suitable;
        private final boolean[] imageAtHand = new boolean[nodes.size()];

        ServicePlan(ServiceSpec service) {
            this.service = service;
            this.demand = Demand.of(service, view);
            this.counts = new SpreadCounts(nodes, service.spreadPreferences());
            int[] found = new int[nodes.size()];
            int size = 0;
            for (int i = 0; i < found.length; i++) {
                if (demand.suits(nodes.get(i))) {
                    imageAtHand[i] = Price.imageAtHand(service.image(), nodes.get(i));
                    found[size++] = i;
                }
            }
            this.suitable = Arrays.copyOf(found, size);
        }

        void count(SlotState state) {
            Integer index = indexes.get(state.holder().node());
            if (index != null) {
                counts.add(index);
            }
        }

        Choice choose(Slot slot) {
            SortedSet<NodeId> refused = refusals.getOrDefault(slot, new TreeSet<>());
            long slotHash = Rendezvous.hash(slot);
            int own = indexes.getOrDefault(observer, -1);
            boolean ownTakes = own >= 0 && contains(suitable, own) && takes(slot, own, refused);
            int ownPrice = ownTakes ? price(own) : 0;
            long ownScore = ownTakes ? Rendezvous.score(slotHash, hashes[own]) : 0;
            int first = -1;
            int firstPrice = 0;
            long firstScore = 0;
            int position = 0;
            for (int node : suitable) {
                if (!takes(slot, node, refused)) {
                    continue;
                }
                int price = price(node);
                long score = Rendezvous.score(slotHash, hashes[node]);
                if (first < 0 || compare(node, price, score, first, firstPrice, firstScore) < 0) {
                    first = node;
                    firstPrice = price;
                    firstScore = score;
                }
                if (ownTakes && compare(node, price, score, own, ownPrice, ownScore) < 0) {
                    position++;
                }
            }
            if (first < 0) {
                return new Choice(slot, null, -1, 0);
            }
            NodeView chosen = nodes.get(first);
            loads[first].add(service);
            counts.add(first);
            return new Choice(slot, chosen.id(), ownTakes ? position : -1, ownPrice);
        }

        private boolean takes(Slot slot, int node, SortedSet<NodeId> refused) {
            NodeView view = nodes.get(node);
            return (!slot.isGlobal() || slot.node().equals(view.id())) && (refused.isEmpty() || !refused.contains(view.id()))
                    && demand.fits(view, loads[node]);
        }

        private int price(int node) {
            return Price.of(service, nodes.get(node), loads[node], imageAtHand[node]);
        }

        /** Nodes lie in id order, so the smaller place is the smaller id. */
        private int compare(int node, int price, long score, int other, int otherPrice, long otherScore) {
            int byTasks = counts.compare(node, other);
            int byPrice = byTasks != 0 ? byTasks : Integer.compare(price, otherPrice);
            int byScore = byPrice != 0 ? byPrice : Long.compare(otherScore, score);
            return byScore != 0 ? byScore : Integer.compare(node, other);
        }
    }

    private static boolean contains(int[] sorted, int wanted) {
        return Arrays.binarySearch(sorted, wanted) >= 0;
    }
}
