package dev.starling.scheduler.plan;

import dev.starling.scheduler.filter.Constraint;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.BitSet;
import java.util.Objects;

/**
 * In what the nodes, at the turn of a service, differ from how they stood at its turn in the plan before. Where they do not differ in anything
 * that the service asks for, its part of that plan holds as it is. It begins with what has changed on the nodes; each service whose part is
 * another one than before adds to it, or ends it: a claim that arrives as planned takes room from the beginning, and no longer at its turn.
 */
final class Difference {
    private final LoadAtTurn now;
    private final Roster before;
    /** How much more there is now, at turn. */
    private final Sums everything;
    private final Sums older;
    /** By place: how much more room is taken now. */
    private final long[] takenCpus;
    private final long[] takenBytes;
    /** Nodes of which the cluster says something else. */
    private final BitSet described = new BitSet();
    /** Nodes that differ in anything at this turn. */
    private final BitSet different = new BitSet();
    /** Nodes on which a port, or another thing that is not added up here, may be taken otherwise. */
    private final BitSet touched = new BitSet();

    /** Both before their first turn, with the same places. */
    Difference(LoadAtTurn before, LoadAtTurn now) {
        this.now = now;
        this.before = before.roster();
        int size = now.roster().size();
        everything = new Sums(size);
        older = new Sums(size);
        takenCpus = new long[size];
        takenBytes = new long[size];
        for (int place = 0; place < size; place++) {
            everything.set(place, now.atTurn(false));
            everything.subtract(place, before.atTurn(false));
            older.set(place, now.atTurn(true));
            older.subtract(place, before.atTurn(true));
            NodeLoad room = now.given(place);
            NodeLoad roomBefore = before.given(place);
            takenCpus[place] = room.reserved().nanoCpus() - roomBefore.reserved().nanoCpus();
            takenBytes[place] = room.reserved().memoryBytes() - roomBefore.reserved().memoryBytes();
            touched.set(place, room != roomBefore);
            described.set(place, !now.roster().node(place).equals(before.roster().node(place)));
            look(place);
        }
    }

    private void look(int place) {
        different.set(place, !everything.isNothing(place) || !older.isNothing(place) || takenCpus[place] != 0 || takenBytes[place] != 0
                || described.get(place));
    }

    /** The turn of a service is over: it had {@code was} in the plan before, and now {@code is}; null for none. */
    void exchange(Outcome was, Outcome is) {
        if (was == is) {
            return;
        }
        add(was, -1);
        add(is, 1);
    }

    private void add(Outcome outcome, int count) {
        if (outcome == null) {
            return;
        }
        boolean choosy = isChoosy(outcome.service());
        for (int place : outcome.running()) {
            older.add(place, outcome.service(), count);
            look(place);
        }
        for (int place : outcome.claimed()) {
            addAtTurn(place, outcome.service(), count);
            look(place);
        }
        for (int number = 0; number < outcome.choices().size(); number++) {
            int place = outcome.choices().first(number);
            if (place == Choices.NOBODY) {
                continue;
            }
            addAtTurn(place, outcome.service(), count);
            takenCpus[place] += count * outcome.service().reservations().nanoCpus();
            takenBytes[place] += count * outcome.service().reservations().memoryBytes();
            touched.set(place, touched.get(place) || choosy);
            look(place);
        }
    }

    private void addAtTurn(int place, ServiceSpec service, int count) {
        everything.add(place, service, count);
        older.add(place, service, count);
    }

    /** The service, whose slots and demand are as before or claimed as planned, may come out otherwise than {@code was}. */
    boolean concerns(Outcome was) {
        if (was.choices().isEmpty()) {
            return false;
        }
        for (int place = different.nextSetBit(0); place >= 0; place = different.nextSetBit(place + 1)) {
            if (concerns(was, place)) {
                return true;
            }
        }
        if (isChoosy(was.service())) {
            for (int place = touched.nextSetBit(0); place >= 0; place = touched.nextSetBit(place + 1)) {
                if (was.demand().suits(now.roster().node(place))) {
                    return true;
                }
            }
        }
        return false;
    }

    /** It asks for more than CPU and memory; that is not followed here. */
    private static boolean isChoosy(ServiceSpec service) {
        return service.maxReplicasPerNode() > 0 || !service.hostPorts().isEmpty() || !service.openPorts().isEmpty()
                || !service.reservations().generic().isNone();
    }

    private boolean concerns(Outcome was, int place) {
        Demand demand = was.demand();
        NodeView node = now.roster().node(place);
        if (described.get(place)) {
            return demand.suits(node) || demand.suits(before.node(place)) || isOfAnotherBranch(was.service(), place);
        }
        if (!demand.suits(node)) {
            return false;
        }
        if (was.placesNothing()) {
            return demand.fits(node, now.room(place));
        }
        boolean ranksAlike = (was.first() ? older : everything).isNothing(place);
        return !ranksAlike || !hasRoomInBoth(was, place);
    }

    /** A branch counts also by nodes that take nothing now. */
    private boolean isOfAnotherBranch(ServiceSpec service, int place) {
        for (String descriptor : service.spreadPreferences()) {
            if (!Objects.equals(Constraint.attribute(now.roster().node(place), descriptor), Constraint.attribute(before.node(place), descriptor))) {
                return true;
            }
        }
        return false;
    }

    /** Whatever the service put on the node, there was and is room for one more: so the room that is taken makes no difference. */
    private boolean hasRoomInBoth(Outcome was, int place) {
        Resources wanted = was.service().reservations();
        Resources free = now.roster().node(place).capacity().minus(now.room(place).reserved());
        int slots = was.most() + 1;
        return (wanted.nanoCpus() == 0 || free.nanoCpus() + Math.min(0, takenCpus[place]) >= slots * wanted.nanoCpus())
                && (wanted.memoryBytes() == 0 || free.memoryBytes() + Math.min(0, takenBytes[place]) >= slots * wanted.memoryBytes());
    }
}
