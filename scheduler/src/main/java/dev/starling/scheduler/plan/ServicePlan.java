package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;

/** Works out the plan for one service at its turn: for each free slot the best node, as the nodes stand after the slots before it. */
final class ServicePlan {
    private static final SortedSet<NodeId> NOBODY = Collections.emptySortedSet();

    private final LoadAtTurn loads;
    private final Roster roster;
    private final ServiceRanking ranking;
    private final ServiceSlots slots;
    private final Demand demand;
    private final SortedMap<Slot, SortedSet<NodeId>> refusals;
    /** The observer's place. */
    private final int own;
    private final List<Choice> choices = new ArrayList<>();
    private final int[] planned;
    private int plannedTasks;

    /** @param ranking begun for this service */
    private ServicePlan(LoadAtTurn loads, ServiceRanking ranking, ServiceSlots slots, Demand demand, SortedMap<Slot, SortedSet<NodeId>> refusals,
            int own) {
        this.loads = loads;
        this.roster = loads.roster();
        this.ranking = ranking;
        this.slots = slots;
        this.demand = demand;
        this.refusals = refusals;
        this.own = own;
        this.planned = new int[slots.wanted().size()];
    }

    /** @param running what {@link Outcome#running} is to say */
    static Outcome of(LoadAtTurn loads, ServiceRanking ranking, ServiceSlots slots, Demand demand, boolean first, int[] running,
            SortedMap<Slot, SortedSet<NodeId>> refusals, int own) {
        return new ServicePlan(loads, ranking, slots, demand, refusals, own).outcome(first, running);
    }

    /** Places of the nodes that run the service's slots, in slot order. */
    static int[] running(Roster roster, ServiceSlots slots) {
        return slots.wanted().values().stream().filter(SlotState::isRunning).mapToInt(state -> roster.place(state.holder().node()))
                .filter(place -> place != Roster.ABSENT).toArray();
    }

    /** Places of the nodes whose claims on the service's slots count at its turn, in slot order. */
    static int[] claimed(Roster roster, ServiceSlots slots) {
        if (!slots.hasPending()) {
            return new int[0];
        }
        return slots.wanted().values().stream().filter(ServicePlan::countsAtTurn).mapToInt(state -> roster.place(state.holder().node()))
                .filter(place -> place != Roster.ABSENT).toArray();
    }

    /** A claim that takes what its service asks for: not one that waits for its predecessor in the slot to end, and not one that has ended. */
    static boolean countsAtTurn(SlotState state) {
        return state.isPending() && state.holder().isActive() && !Occupancy.isWaiting(state.holder());
    }

    private Outcome outcome(boolean first, int[] running) {
        for (SlotState state : slots.wanted().values()) {
            if (state.isRunning()) {
                count(state);
            }
        }
        for (SlotState state : slots.wanted().values()) {
            if (state.isPending()) {
                if (countsAtTurn(state) && roster.place(state.holder().node()) != Roster.ABSENT) {
                    loads.claimed(roster.place(state.holder().node()), slots.service());
                }
                count(state);
            } else if (state.isFree()) {
                choices.add(choose(state.slot()));
            }
        }
        int[] places = Arrays.copyOf(planned, plannedTasks);
        return new Outcome(slots, demand, first, List.copyOf(choices), running, claimed(roster, slots), places, most(places));
    }

    /** How many are of one node at most. */
    private static int most(int[] places) {
        int[] sorted = places.clone();
        Arrays.sort(sorted);
        int most = 0;
        int run = 0;
        for (int i = 0; i < sorted.length; i++) {
            run = i > 0 && sorted[i] == sorted[i - 1] ? run + 1 : 1;
            most = Math.max(most, run);
        }
        return most;
    }

    private void count(SlotState state) {
        int place = roster.place(state.holder().node());
        if (place != Roster.ABSENT) {
            ranking.count(place);
        }
    }

    private Choice choose(Slot slot) {
        SortedSet<NodeId> refused = refusals.getOrDefault(slot, NOBODY);
        Ranking nodes = ranking.nodes();
        long slotHash = Rendezvous.hash(slot);
        boolean ownTakes = own != Roster.ABSENT && takes(slot, own, refused);
        int ownPrice = ownTakes ? ranking.price(own) : 0;
        int first;
        int position = -1;
        if (slot.isGlobal()) {
            int there = roster.place(slot.node());
            first = there != Roster.ABSENT && takes(slot, there, refused) ? there : -1;
            position = ownTakes ? 0 : -1;
        } else {
            first = nodes.first(place -> refused.contains(roster.node(place).id()), !refused.isEmpty(), slotHash);
            if (ownTakes) {
                int before = nodes.before(own, slotHash, refused.isEmpty() ? Choice.FAR : roster.size());
                position = Math.min(Choice.FAR, before - refusedBefore(refused, slotHash));
            }
        }
        if (first < 0) {
            return new Choice(slot, null, -1, 0);
        }
        loads.planned(first, slots.service());
        ranking.count(first);
        planned[plannedTasks++] = first;
        return new Choice(slot, roster.node(first).id(), position, ownPrice);
    }

    private int refusedBefore(SortedSet<NodeId> refused, long slotHash) {
        int before = 0;
        for (NodeId refuser : refused) {
            int place = roster.place(refuser);
            before += place != Roster.ABSENT && ranking.nodes().contains(place) && ranking.nodes().isBefore(place, own, slotHash) ? 1 : 0;
        }
        return before;
    }

    private boolean takes(Slot slot, int place, SortedSet<NodeId> refused) {
        NodeId id = roster.node(place).id();
        return ranking.nodes().contains(place) && (!slot.isGlobal() || slot.node().equals(id)) && !refused.contains(id);
    }
}
