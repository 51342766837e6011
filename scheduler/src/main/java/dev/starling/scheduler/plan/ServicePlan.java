package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotStates;
import java.util.Arrays;
import java.util.Collections;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.function.IntPredicate;

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
    private final long serviceHash;
    private final Choices.Builder choices;

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
        this.serviceHash = Rendezvous.hash(slots.service().uid());
        this.choices = new Choices.Builder(slots.wanted().size());
    }

    /** @param running what {@link Outcome#running} is to say */
    static Outcome of(LoadAtTurn loads, ServiceRanking ranking, ServiceSlots slots, Demand demand, boolean first, int[] running,
            SortedMap<Slot, SortedSet<NodeId>> refusals, int own) {
        return new ServicePlan(loads, ranking, slots, demand, refusals, own).outcome(first, running);
    }

    /** Places of the nodes that run the service's slots, in slot order. */
    static int[] running(Roster roster, ServiceSlots slots) {
        return holders(roster, slots, slots.wanted()::isRunning);
    }

    /** Places of the nodes whose claims on the service's slots count at its turn, in slot order. */
    static int[] claimed(Roster roster, ServiceSlots slots) {
        return slots.hasPending() ? holders(roster, slots, slot -> countsAtTurn(slots.wanted(), slot)) : new int[0];
    }

    private static int[] holders(Roster roster, ServiceSlots slots, IntPredicate counts) {
        SlotStates wanted = slots.wanted();
        int[] places = new int[wanted.size()];
        int size = 0;
        for (int slot = 0; slot < places.length; slot++) {
            int place = counts.test(slot) ? roster.place(wanted.holder(slot).node()) : Roster.ABSENT;
            if (place != Roster.ABSENT) {
                places[size++] = place;
            }
        }
        return Arrays.copyOf(places, size);
    }

    /** A claim that takes what its service asks for: not one that waits for its predecessor in the slot to end, and not one that has ended. */
    static boolean countsAtTurn(SlotStates wanted, int slot) {
        Task holder = wanted.holder(slot);
        return holder != null && holder.state() != TaskState.RUNNING && holder.isActive() && !Occupancy.isWaiting(holder);
    }

    private Outcome outcome(boolean first, int[] running) {
        SlotStates wanted = slots.wanted();
        for (int slot = 0; slot < wanted.size(); slot++) {
            if (wanted.isRunning(slot)) {
                count(wanted.holder(slot));
            }
        }
        for (int slot = 0; slot < wanted.size(); slot++) {
            if (wanted.isPending(slot)) {
                Task holder = wanted.holder(slot);
                if (countsAtTurn(wanted, slot) && roster.place(holder.node()) != Roster.ABSENT) {
                    loads.claimed(roster.place(holder.node()), slots.service());
                }
                count(holder);
            } else if (wanted.isFree(slot)) {
                choose(wanted.slot(slot));
            }
        }
        Choices chosen = choices.build();
        return new Outcome(slots, demand, first, chosen, running, claimed(roster, slots), chosen.most());
    }

    private void count(Task holder) {
        int place = roster.place(holder.node());
        if (place != Roster.ABSENT) {
            ranking.count(place);
        }
    }

    private void choose(Slot slot) {
        SortedSet<NodeId> refused = refusals.getOrDefault(slot, NOBODY);
        Ranking nodes = ranking.nodes();
        long slotHash = slot.isGlobal() ? Rendezvous.hash(slot) : Rendezvous.hash(serviceHash, slot.index());
        boolean ownTakes = own != Roster.ABSENT && takes(slot, own, refused);
        int first;
        int position = -1;
        if (slot.isGlobal()) {
            int there = roster.place(slot.node());
            first = there != Roster.ABSENT && takes(slot, there, refused) ? there : Choices.NOBODY;
            position = ownTakes ? 0 : -1;
        } else {
            first = nodes.first(place -> refused.contains(roster.node(place).id()), !refused.isEmpty(), slotHash);
            if (ownTakes) {
                int before = nodes.before(own, slotHash, refused.isEmpty() ? Choice.FAR : roster.size());
                position = Math.min(Choice.FAR, before - refusedBefore(refused, slotHash));
            }
        }
        if (first < 0) {
            choices.add(Choices.NOBODY, -1, 0);
            return;
        }
        int ownPrice = position >= 0 && position < Choice.FAR ? ranking.price(own) : 0; // before the slot is given to anyone
        loads.planned(first, slots.service());
        ranking.count(first);
        choices.add(first, position, ownPrice);
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
