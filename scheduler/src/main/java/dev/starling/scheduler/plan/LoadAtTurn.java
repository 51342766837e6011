package dev.starling.scheduler.plan;

import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.Arrays;

/**
 * What each node carries while a plan is made, service by service, in three ways:
 *
 * <ul>
 *   <li><b>room</b>: everything that is there, and what the plan has given so far. It says whether a node can take more.
 *   <li><b>everything at turn</b>: what runs; and claims that do not run yet, but those only from the turn of their service on, whether
 *       they are claims already or still only planned. So it does not move while claims arrive as planned.
 *   <li><b>older at turn</b>: the same without services whose turn has not come, also where they run. It does not move either when
 *       claims of younger services begin to run.
 * </ul>
 *
 * <p>The last two say which node should take more: {@link Outcome#isFirst} has when which of them.
 */
final class LoadAtTurn {
    private final Roster roster;
    private final NodeLoad[] given;
    /** Copies of {@link #given} where the plan has added something; otherwise the same. */
    private final NodeLoad[] room;
    private final Sums everything;
    private final Sums older;
    /** Places whose load has changed, in order; for those who keep something that follows from loads. */
    private int[] changes = new int[64];
    private int changed;

    /** @param given by place; not changed here */
    LoadAtTurn(Roster roster, NodeLoad[] given) {
        this.roster = roster;
        this.given = given;
        this.room = given.clone();
        this.everything = new Sums(given.length);
        this.older = new Sums(given.length);
        for (int place = 0; place < given.length; place++) {
            everything.add(place, given[place].tasks(), given[place].reserved());
            older.set(place, everything);
        }
    }

    /** Before the first turn: claims of {@code service}, and what runs of it, that will count at its turn. */
    void postpone(ServiceSpec service, int[] claimed, int[] running) {
        for (int place : claimed) {
            everything.add(place, service, -1);
            older.add(place, service, -1);
        }
        for (int place : running) {
            older.add(place, service, -1);
        }
    }

    /** The turn of a service that runs there has come. */
    void running(int[] places, ServiceSpec service) {
        for (int place : places) {
            older.add(place, service, 1);
            note(place);
        }
    }

    /** The turn of a claim has come. */
    void claimed(int place, ServiceSpec service) {
        everything.add(place, service, 1);
        older.add(place, service, 1);
        note(place);
    }

    /** The plan gives the node a task. */
    void planned(int place, ServiceSpec service) {
        if (room[place] == given[place]) {
            room[place] = given[place].copy();
        }
        room[place].add(service);
        claimed(place, service);
    }

    private void note(int place) {
        if (changed == changes.length) {
            changes = Arrays.copyOf(changes, 2 * changed);
        }
        changes[changed++] = place;
    }

    Roster roster() {
        return roster;
    }

    int changes() {
        return changed;
    }

    /** The place that the change of this number, from 0, was at. */
    int changeAt(int number) {
        return changes[number];
    }

    NodeLoad room(int place) {
        return room[place];
    }

    NodeLoad given(int place) {
        return given[place];
    }

    /** @param first the service is placed for the first time */
    Sums atTurn(boolean first) {
        return first ? older : everything;
    }
}
