package dev.starling.scheduler.lease;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Slot;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Visits every state that two nodes which want one slot, and its stewards, can reach within a few ticks of time, with the product's own
 * {@link Vote} and {@link Tenancy}.
 *
 * <p>At each tick each of the two reaches any set of the stewards, or all of them and hears no answer. A lost message may arrive at any
 * later tick instead (one at a time). Within the {@link Budget} stewards restart and the first node releases the slot; the
 * first node also wants the stewards changed as soon as it holds the slot; the second comes at any time.
 *
 * <p>In every state at most one node runs the slot, and who runs it has a higher term than all others that ran it before.
 */
class LeaseModel {
    static final Slot SLOT = Slot.replica("svc", 1);
    static final NodeId N1 = new NodeId("n1");
    static final NodeId N2 = new NodeId("n2");
    static final NodeId N3 = new NodeId("n3");
    static final NodeId N4 = new NodeId("n4");
    static final Stewards OLD = stewards(0, N1, N2, N3);
    static final Stewards NEW = stewards(1, N3, N4);
    private static final SortedSet<NodeId> NOBODY = new TreeSet<>();
    /** A tick is the unit: a lease of three, a hold of two. */
    static final LeaseConfig CONFIG = new LeaseConfig(3, 2, 0, 1, 0);

    static Stewards stewards(int epoch, NodeId... nodes) {
        return new Stewards(epoch, new TreeSet<>(List.of(nodes)));
    }

    /** What may still happen, so that there are finitely many states. */
    record Budget(int restarts, int releases, int late) {
        Budget restarted() {
            return new Budget(restarts - 1, releases, late);
        }

        Budget released() {
            return new Budget(restarts, releases - 1, late);
        }

        Budget lateOne() {
            return new Budget(restarts, releases, late - 1);
        }
    }

    private record Letter(NodeId from, NodeId to, LeaseMessage message) {}

    /**
     * @param late     a lost message that may still arrive; null for none
     * @param ranTerm  the last term in which a node ran the slot, and {@code ranBy} that node
     * @param secondIn the second node wants the slot too
     */
    private record State(
            long now, SortedMap<NodeId, Tenancy> tenancies, SortedMap<NodeId, Vote> votes, Letter late, Budget budget, long ranTerm,
            NodeId ranBy, boolean secondIn) {
        State with(NodeId node, Tenancy tenancy) {
            SortedMap<NodeId, Tenancy> next = new TreeMap<>(tenancies);
            next.put(node, tenancy);
            return new State(now, next, votes, late, budget, ranTerm, ranBy, secondIn);
        }

        State with(NodeId node, Vote vote) {
            SortedMap<NodeId, Vote> next = new TreeMap<>(votes);
            next.put(node, vote);
            return new State(now, tenancies, next, late, budget, ranTerm, ranBy, secondIn);
        }

        State with(Letter newLate, Budget newBudget) {
            return new State(now, tenancies, votes, newLate, newBudget, ranTerm, ranBy, secondIn);
        }

        State at(long time, boolean second) {
            return new State(time, tenancies, votes, late, budget, ranTerm, ranBy, second);
        }

        State ran(long term, NodeId by) {
            return new State(now, tenancies, votes, late, budget, term, by, secondIn);
        }
    }

    /** A state is bad: what it is, and how it looks. */
    private static final class Violation extends RuntimeException {
        private static final long serialVersionUID = 1;

        Violation(String message) {
            super(message);
        }
    }

    private final long horizon;
    private final long maxTerm;
    private final Budget budget;
    private int visited;
    private int handovers;
    private int successions;

    LeaseModel(long horizon, long maxTerm, Budget budget) {
        this.horizon = horizon;
        this.maxTerm = maxTerm;
        this.budget = budget;
    }

    // ---- what broken variants break

    Stewards firstKnownTo(NodeId node) {
        return OLD;
    }

    Vote restarted(Vote before, long now) {
        return Vote.restored(before.promise(), now, CONFIG);
    }

    LeaseMessage asked(LeaseMessage message) {
        return message;
    }

    Vote.Answer heard(Vote.Answer answer) {
        return answer;
    }

    boolean runs(Tenancy tenancy, long now) {
        return tenancy.holds(now);
    }

    // ---- the search

    /** What went wrong in the first bad state found; empty if there is none. */
    Optional<String> search() {
        SortedMap<NodeId, Vote> votes = new TreeMap<>();
        for (NodeId node : List.of(N1, N2, N3, N4)) {
            votes.put(node, new Vote(null, 0, 0)); // up for long: none waits
        }
        SortedMap<NodeId, Tenancy> tenancies = new TreeMap<>();
        tenancies.put(N1, Tenancy.of(N1, SLOT, firstKnownTo(N1), 0));
        tenancies.put(N4, Tenancy.of(N4, SLOT, firstKnownTo(N4), 0));
        Deque<State> open = new ArrayDeque<>();
        Set<State> seen = new HashSet<>();
        open.push(new State(0, tenancies, votes, null, budget, 0, null, false));
        try {
            while (!open.isEmpty()) {
                State state = open.pop();
                visited++;
                for (State next : successors(state)) {
                    if (seen.add(next)) {
                        open.push(next);
                    }
                }
            }
        } catch (Violation violation) {
            return Optional.of(violation.getMessage());
        }
        return Optional.empty();
    }

    int visited() {
        return visited;
    }

    int handovers() {
        return handovers;
    }

    int successions() {
        return successions;
    }

    /** All that may happen until the next tick, and in it. */
    private Set<State> successors(State state) {
        Set<State> before = new LinkedHashSet<>(Set.of(state));
        if (state.late != null) {
            Exchange exchange = new Exchange(state.with(null, state.budget), new TreeSet<>(List.of(N1, N2, N3, N4)), true);
            exchange.deliver(state.late);
            before.add(exchange.state);
        }
        if (state.budget.restarts > 0) {
            for (State each : List.copyOf(before)) {
                for (NodeId node : List.of(N1, N2, N3)) {
                    before.add(checked(each.with(node, restarted(each.votes.get(node), each.now)).with(each.late, each.budget.restarted())));
                }
            }
        }
        if (state.budget.releases > 0 && state.tenancies.get(N1).holds(state.now)) {
            for (State each : List.copyOf(before)) {
                Exchange exchange = new Exchange(each.with(each.late, each.budget.released()), new TreeSet<>(List.of(N1, N2, N3, N4)), true);
                exchange.send(N1, each.tenancies.get(N1).release());
                Tenancy gone = Tenancy.of(N1, SLOT, each.tenancies.get(N1).stewards(), horizon + 1);
                before.add(exchange.state.with(N1, gone));
            }
        }
        Set<State> after = new LinkedHashSet<>();
        if (state.now < horizon) {
            for (State each : before) {
                turns(each.at(each.now + 1, each.secondIn), after);
                if (!each.secondIn) {
                    turns(each.at(each.now + 1, true), after);
                }
            }
        }
        return after;
    }

    private void turns(State state, Set<State> into) {
        for (State first : turn(checked(state), N1)) {
            for (State second : first.secondIn ? turn(first, N4) : Set.of(first)) {
                into.add(normal(second));
            }
        }
    }

    /** Without what can make no difference any more: else most states would be doubles. */
    private static State normal(State state) {
        State normal = state;
        for (NodeId node : state.votes.keySet()) {
            Vote vote = state.votes.get(node);
            normal = normal.with(node, new Vote(vote.promise(), past(vote.leasedUntil(), state.now), past(vote.quarantineUntil(), state.now)));
        }
        for (NodeId node : state.tenancies.keySet()) {
            Tenancy t = state.tenancies.get(node);
            boolean answersMayCome = state.late != null || state.budget.late > 0;
            normal = normal.with(node, new Tenancy(t.self(), t.slot(), t.stewards(), t.term(), t.seen(), answersMayCome ? t.round() : 0,
                    answersMayCome ? t.askedAt() : 0, answersMayCome ? t.grants() : NOBODY, answersMayCome ? t.refusals() : NOBODY, t.inherited(),
                    t.joined(), t.mustMove(), t.proposed(), t.acceptances(), t.handover(), past(t.leasedUntil(), state.now),
                    past(t.heldUntil(), state.now - CONFIG.leaseMillis()), t.askAt()));
        }
        return normal;
    }

    private static long past(long time, long now) {
        return time <= now ? 0 : time;
    }

    /** One node's tick, with each set of stewards in reach, their answers heard or not, and one of the lost messages late. */
    private Set<State> turn(State state, NodeId node) {
        Set<State> results = new LinkedHashSet<>();
        Tenancy tenancy = state.tenancies.get(node);
        Tenancy.Step step = tenancy.tick(state.now, 0, node.equals(N1) ? NEW : tenancy.stewards(), CONFIG);
        if (step.after().term() > maxTerm || step.letters().isEmpty()) {
            return Set.of(state);
        }
        SortedSet<NodeId> addressed = new TreeSet<>(step.after().stewards().nodes());
        if (step.after().proposed() != null) {
            addressed.addAll(step.after().proposed().nodes()); // they are asked in the moment in which the proposal is decided
        }
        for (SortedSet<NodeId> reach : subsets(addressed)) {
            boolean all = reach.size() == addressed.size();
            for (boolean answers : all ? List.of(true, false) : List.of(true)) {
                Exchange exchange = new Exchange(state.with(node, step.after()), reach, answers);
                exchange.send(node, step.letters());
                results.add(exchange.state);
                if (state.late == null && state.budget.late > 0) {
                    for (Letter lost : exchange.lost) {
                        results.add(exchange.state.with(lost, state.budget.lateOne()));
                    }
                }
            }
        }
        return results;
    }

    private static List<SortedSet<NodeId>> subsets(SortedSet<NodeId> nodes) {
        List<SortedSet<NodeId>> subsets = new ArrayList<>(List.of(new TreeSet<>()));
        for (NodeId node : nodes) {
            for (SortedSet<NodeId> subset : List.copyOf(subsets)) {
                SortedSet<NodeId> with = new TreeSet<>(subset);
                with.add(node);
                subsets.add(with);
            }
        }
        return subsets;
    }

    /** Messages and their answers at one instant. */
    private final class Exchange {
        private final SortedSet<NodeId> reach;
        private final boolean answers;
        private final List<Letter> lost = new ArrayList<>();
        private State state;

        Exchange(State state, SortedSet<NodeId> reach, boolean answers) {
            this.state = state;
            this.reach = reach;
            this.answers = answers;
        }

        void send(NodeId from, List<Tenancy.Letter> letters) {
            for (Tenancy.Letter letter : letters) {
                for (NodeId to : letter.to()) {
                    Letter one = new Letter(from, to, letter.message());
                    if (reach.contains(to)) {
                        deliver(one);
                    } else {
                        lost.add(one);
                    }
                }
            }
        }

        void deliver(Letter letter) {
            LeaseMessage message = letter.message;
            if (message instanceof LeaseMessage.Ask || message instanceof LeaseMessage.Propose || message instanceof LeaseMessage.Release) {
                Vote.Answer answer = heard(state.votes.get(letter.to).hear(letter.to, letter.from, asked(message), state.now, CONFIG));
                state = checked(state.with(letter.to, answer.after()));
                if (answer.reply() != null) {
                    Letter reply = new Letter(letter.to, letter.from, answer.reply());
                    if (answers) {
                        deliver(reply);
                    } else {
                        lost.add(reply);
                    }
                }
                return;
            }
            Tenancy before = state.tenancies.get(letter.to);
            Tenancy.Step step = before.hear(letter.from, message, state.now, CONFIG);
            handovers += !before.handover() && step.after().handover() ? 1 : 0;
            state = checked(state.with(letter.to, step.after()));
            send(letter.to, step.letters());
        }
    }

    /** The state, and who runs the slot in it noted. */
    private State checked(State state) {
        NodeId running = null;
        for (Tenancy tenancy : state.tenancies.values()) {
            if (runs(tenancy, state.now)) {
                if (running != null) {
                    throw new Violation("two run the slot in " + state);
                }
                running = tenancy.self();
            }
        }
        Tenancy holder = running == null ? null : state.tenancies.get(running);
        if (holder == null || !holder.joined()) {
            return state; // what it holds by an epoch before was noted then
        }
        if (!holder.self().equals(state.ranBy) && holder.term() <= state.ranTerm || holder.term() < state.ranTerm) {
            throw new Violation("term " + holder.term() + " runs after " + state.ranTerm + " of " + state.ranBy + " in " + state);
        }
        successions += state.ranBy != null && !holder.self().equals(state.ranBy) ? 1 : 0;
        return state.ran(holder.term(), holder.self());
    }
}
