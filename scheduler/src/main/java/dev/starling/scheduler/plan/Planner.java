package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotStates;
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
 * service, price, fewest tasks of all services (where not every node gets one), rendezvous hash, node id. Services are served oldest first, slots in order, and each slot sees
 * what the ones before it took; so 50 replicas on 5 equal nodes are 10 for each, and every node can compute its own 10 without asking.
 *
 * <p>The plan must not change under the feet of those who carry it out: while claims arrive one by one, what is left must be planned as
 * before. It is, because a claimed slot counts where the plan counted it: claims that do not run yet count when their turn in the order
 * comes, running tasks from the beginning ({@link LoadAtTurn}); and services that are placed for the first time are spread by what is older
 * than they are ({@link Outcome#isFirst}).
 *
 * <pre>
 *   slot    1   2   3   4   5   6          n2 has claimed 2 and 4; n1 and n3 plan the same for the rest
 *   plan    n1  n2  n3  n2  n1  n3         as if n2's claims had not arrived yet
 * </pre>
 *
 * <p>A planner makes the plans of one view after another, and works out only the services whose slots have changed, or of whose nodes one has
 * ({@link Difference}). The plan is the one that the view alone gives ({@code PlannerIncrementTest} holds it to that): what was asked before
 * changes only the cost. That is, for each slot worked out, the nodes that tie for it ({@link Ranking}); for each kind of service all nodes
 * once ({@link ServiceRanking}).
 */
public final class Planner {
    /** Rankings kept while a plan is made; a service of a kind that has fallen out costs a look at all nodes. */
    private static final int RANKINGS = 32;
    private static final int[] NONE = new int[0];

    /** What a plan was made of, and what it came to. */
    private record Plan(LoadAtTurn start, SortedMap<NodeId, NodeView> nodes, SortedMap<String, NetworkSpec> networks,
            SortedMap<NodeId, List<Refusal>> refusals, List<Outcome> outcomes) {}

    /**
     * A service whose turn comes.
     *
     * @param slots   null where it no longer has a turn
     * @param was     what the plan before came to for it; null where it had no turn then
     * @param claimed see {@link Outcome}, and so is {@code running}
     */
    private record Turn(ServiceSlots slots, Outcome was, int[] claimed, int[] running) {}

    private final NodeId observer;
    private final LoadIndex loadIndex = new LoadIndex();
    private Roster roster = new Roster(Collections.emptySortedMap());
    private SortedMap<NodeId, NodeView> rosterOf = Collections.emptySortedMap();
    /** Null where there is none that the next one could be built on. */
    private Plan last;
    private long workedOut;

    /** @param observer who carries the plan out: choices say which place it has in the ranking */
    public Planner(NodeId observer) {
        this.observer = observer;
    }

    /** The plan of a view by itself. */
    public static List<Choice> plan(View view, SlotTable table, NodeId observer) {
        return new Planner(observer).plan(view, table);
    }

    /** How many free slots were worked out in all plans so far. */
    public long workedOut() {
        return workedOut;
    }

    /** One choice for each free slot, services by age, slots in order. @param table of {@code view} */
    public List<Choice> plan(View view, SlotTable table) {
        return plan(view, table, true);
    }

    /** The same, but only the slots of which the observer's turn may come, or which no node takes. */
    public List<Choice> turns(View view, SlotTable table) {
        return plan(view, table, false);
    }

    private List<Choice> plan(View view, SlotTable table, boolean all) {
        if (table.byAge().stream().noneMatch(ServiceSlots::hasFree)) {
            last = null;
            return List.of();
        }
        if (view.nodes() != rosterOf) {
            roster = new Roster(view.nodes());
            rosterOf = view.nodes();
        }
        Turns turns = new Turns(view, table);
        last = turns.plan();
        List<Choice> choices = new ArrayList<>();
        last.outcomes().forEach(outcome -> outcome.choices().forEach(outcome.slots().wanted(), roster, all, choices::add));
        return choices;
    }

    /** The making of one plan. */
    private final class Turns {
        private final View view;
        private final List<Turn> turns;
        private final Plan before;
        private final LoadAtTurn start;
        private final LoadAtTurn loads;
        private final Difference difference;
        private final SortedMap<Slot, SortedSet<NodeId>> refusals = new TreeMap<>();
        /** Services in whose slots somebody has refused, or no longer does. */
        private final SortedSet<String> refusedAnew = new TreeSet<>();
        private final boolean demandsHold;
        /** The oldest service that is placed for the first time; null where there is none. */
        private ServiceSpec firstPlaced;
        private final SortedMap<String, ServiceRanking> rankings = new TreeMap<>();
        /** Shape of a service -> how many nodes suit it, whatever they have. */
        private final SortedMap<String, Integer> suitingNodes = new TreeMap<>();

        Turns(View view, SlotTable table) {
            this.view = view;
            this.before = last != null && last.start().roster().hasSamePlaces(roster) ? last : null;
            this.demandsHold = before != null && before.nodes() == view.nodes() && before.networks() == view.networks();
            var given = loadIndex.loads(view, roster);
            this.start = new LoadAtTurn(roster, given);
            this.loads = new LoadAtTurn(roster, given);
            this.turns = turns(relevant(table.byAge()), before == null ? List.of() : before.outcomes());
            for (Turn turn : turns) {
                if (turn.slots() != null) {
                    start.postpone(turn.slots().service(), turn.claimed(), turn.running());
                    loads.postpone(turn.slots().service(), turn.claimed(), turn.running());
                }
            }
            this.difference = before == null ? null : new Difference(before.start(), loads);
            takeRefusals();
        }

        /** Those which have free slots, or claims that count at their turn; from the first on that is placed for the first time, all. */
        private List<ServiceSlots> relevant(List<ServiceSlots> byAge) {
            List<ServiceSlots> found = new ArrayList<>();
            for (ServiceSlots slots : byAge) {
                if (firstPlaced == null && Outcome.isFirst(slots)) {
                    firstPlaced = slots.service();
                }
                if (firstPlaced != null || slots.hasFree() || slots.hasPending()) {
                    found.add(slots);
                }
            }
            return found;
        }

        /** Both by age. */
        private List<Turn> turns(List<ServiceSlots> now, List<Outcome> old) {
            List<Turn> all = new ArrayList<>(now.size());
            int next = 0;
            for (ServiceSlots slots : now) {
                Outcome was = null;
                while (was == null && next < old.size() && SlotTable.AGE.compare(old.get(next).service(), slots.service()) <= 0) {
                    Outcome passed = old.get(next++);
                    if (passed.service().uid().equals(slots.service().uid())) {
                        was = passed;
                    } else {
                        all.add(new Turn(null, passed, NONE, NONE));
                    }
                }
                boolean same = was != null && was.slots() == slots;
                boolean runningCounts = firstPlaced != null && SlotTable.AGE.compare(firstPlaced, slots.service()) <= 0;
                int[] running = !runningCounts ? NONE : same && was.runningCounts() ? was.running() : ServicePlan.running(roster, slots);
                all.add(new Turn(slots, was, same ? was.claimed() : ServicePlan.claimed(roster, slots), running));
            }
            return all;
        }

        private void takeRefusals() {
            view.refusals().forEach((node, ofNode) -> ofNode.forEach(refusal ->
                    refusals.computeIfAbsent(refusal.slot(), slot -> new TreeSet<>()).add(node)));
            if (before != null) {
                compareRefusals(view.refusals(), before.refusals());
                compareRefusals(before.refusals(), view.refusals());
            }
        }

        private void compareRefusals(SortedMap<NodeId, List<Refusal>> some, SortedMap<NodeId, List<Refusal>> others) {
            some.forEach((node, ofNode) -> {
                List<Refusal> other = others.getOrDefault(node, List.of());
                if (ofNode != other && !ofNode.equals(other)) {
                    ofNode.forEach(refusal -> refusedAnew.add(refusal.slot().serviceUid()));
                }
            });
        }

        Plan plan() {
            List<Outcome> outcomes = new ArrayList<>(turns.size());
            for (Turn turn : turns) {
                Outcome is = null;
                if (turn.slots() != null) {
                    is = take(turn);
                    outcomes.add(is);
                }
                if (difference != null) {
                    difference.exchange(turn.was(), is);
                }
            }
            return new Plan(start, view.nodes(), view.networks(), view.refusals(), outcomes);
        }

        private Outcome take(Turn turn) {
            Outcome was = turn.was();
            ServiceSpec service = turn.slots().service();
            Demand demand = was != null && demandsHold && was.service() == service ? was.demand() : Demand.of(service, view);
            loads.running(turn.running(), service);
            boolean first = Outcome.isFirst(turn.slots());
            boolean holds = was != null && was.first() == first && demand.equals(was.demand()) && !refusedAnew.contains(service.uid())
                    && !difference.concerns(was);
            Outcome kept = holds ? afterClaims(turn) : null;
            return kept == null ? workOut(turn, demand, first) : apply(kept);
        }

        private Outcome apply(Outcome kept) {
            for (int place : kept.claimed()) {
                loads.claimed(place, kept.service());
            }
            for (int number = 0; number < kept.choices().size(); number++) {
                if (kept.choices().first(number) != Choices.NOBODY) {
                    loads.planned(kept.choices().first(number), kept.service());
                }
            }
            return kept;
        }

        private Outcome workOut(Turn turn, Demand demand, boolean first) {
            ServiceSlots slots = turn.slots();
            if (!slots.hasFree()) {
                return apply(new Outcome(slots, demand, first, Choices.NONE, turn.running(), turn.claimed(), 0));
            }
            String shape = ServiceRanking.shape(demand, first);
            int suiting = suitingNodes.computeIfAbsent(shape, unseen -> (int) roster.nodes().stream().filter(demand::suits).count());
            int fullLevels = slots.wanted().size() / Math.max(1, suiting);
            String kind = shape + (fullLevels > 0);
            ServiceRanking ranking = rankings.get(kind);
            if (ranking == null) {
                if (rankings.size() >= RANKINGS) {
                    rankings.clear();
                }
                ranking = new ServiceRanking(loads, demand, first, fullLevels);
                rankings.put(kind, ranking);
            }
            ranking.begin(demand, fullLevels);
            Outcome outcome = ServicePlan.of(loads, ranking, slots, demand, first, turn.running(), refusals, roster.place(observer));
            workedOut += outcome.choices().size();
            return outcome;
        }

        /** What is left of {@code was} where slots have been claimed by the nodes it named, and nothing else has changed; null if more has. */
        private Outcome afterClaims(Turn turn) {
            Outcome was = turn.was();
            ServiceSlots slots = turn.slots();
            if (was.slots() == slots) {
                return was.running() == turn.running() ? was : was.withRunning(turn.running());
            }
            if (was.slots().wanted().size() != slots.wanted().size() || was.service().maxReplicasPerNode() > 0) {
                return null;
            }
            SlotStates before = was.slots().wanted();
            SlotStates now = slots.wanted();
            Choices.Builder left = new Choices.Builder(was.choices().size());
            int number = 0;
            for (int slot = 0; slot < now.size(); slot++) {
                boolean chosen = before.isFree(slot);
                int first = chosen ? was.choices().first(number) : Choices.NOBODY;
                if (chosen && now.isFree(slot)) {
                    left.add(was.choices(), number);
                } else if (first != Choices.NOBODY ? !isClaimAsPlanned(now, slot, first) : !countsAlike(before, now, slot)) {
                    return null;
                }
                if (!before.isSameSlot(slot, now, slot)) {
                    return null;
                }
                number += chosen ? 1 : 0;
            }
            return new Outcome(slots, was.demand(), was.first(), left.build(), turn.running(), turn.claimed(), was.most());
        }

        private boolean countsAlike(SlotStates before, SlotStates now, int slot) {
            return before.countsLike(slot, now, slot) && ServicePlan.countsAtTurn(before, slot) == ServicePlan.countsAtTurn(now, slot);
        }

        private boolean isClaimAsPlanned(SlotStates now, int slot, int planned) {
            return ServicePlan.countsAtTurn(now, slot) && now.holder(slot).node().equals(roster.node(planned).id());
        }
    }
}
