package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.PartitionPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.View;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What has lately gone out of this node's sight or come into it, and what has to wait for that.
 *
 * <p>A partition shows as one death after the other, so a small side still sees a majority when the first are known; a service that wants a majority starts
 * nothing until all have had the time to be noticed, nor while it is those that no longer answer which make the majority: a node that can reach hardly anybody
 * takes longer to find them all out than anything should be put off after the first.
 *
 * <p>Whatever the policy, the slots of the lost are planned when none was lost for a moment. Of two that are told of in different order, one node
 * would plan the slots of the first and another one those of the second, and both take the same; so 2 in 100 slots were taken twice.
 *
 * <p>New services are placed when none has come for a moment, for the same reason: a plan puts their tasks where older services leave most room, and nodes
 * that know different ones of a stack would plan differently. So 4 in 10 slots were taken twice where 150 services were created at once.
 */
final class Sight {
    private static final long SETTLED_MILLIS = 10_000;
    private static final long SUSPECTS_LOOK_MILLIS = 1_000;

    private final Company losses = new Company(200, 600);
    private final Company newServices = new Company(120, 600);
    private SortedSet<NodeId> ready = new TreeSet<>();
    private SortedMap<String, ServiceSpec> services;
    /** Those that have come lately; the others have been placed by a plan before. */
    private final Set<String> fresh = new TreeSet<>();

    void look(View view, long now) {
        SortedSet<NodeId> seen = new TreeSet<>();
        view.nodes().values().stream().filter(NodeView::ready).forEach(node -> seen.add(node.id()));
        if (!seen.containsAll(ready)) {
            losses.came(now);
        }
        ready = seen;
        lookAtServices(view.services(), now);
    }

    private void lookAtServices(SortedMap<String, ServiceSpec> present, long now) {
        SortedMap<String, ServiceSpec> before = services;
        services = present;
        if (before == present || before == null) { // the same map until a document changes; at the start nothing is new
            return;
        }
        for (String uid : present.keySet()) {
            if (!before.containsKey(uid) && fresh.add(uid)) {
                newServices.came(now);
            }
        }
        fresh.retainAll(present.keySet());
    }

    /** Whether the slots of nodes that were lost may be taken; if not yet, the scheduler is woken. */
    boolean mayTakeOver(Round round) {
        return losses.isOver(round);
    }

    /** Whether services that are new here may be placed; if not yet, the scheduler is woken. */
    boolean mayPlaceNew(Round round) {
        if (fresh.isEmpty()) {
            return true;
        }
        boolean over = newServices.isOver(round);
        if (over) {
            fresh.clear();
        }
        return over;
    }

    boolean isNew(String serviceUid) {
        return fresh.contains(serviceUid);
    }

    /** A task of {@code service} may be started here, as far as its partition policy goes; if not yet, the scheduler is woken. */
    boolean mayStart(Round round, ServiceSpec service) {
        if (service.site().partition() != PartitionPolicy.MAJORITY) {
            return true;
        }
        boolean settled = losses.last() == 0 || round.now().monotonicMillis() >= losses.last() + SETTLED_MILLIS;
        if (!settled) {
            round.waits().wakeAt(losses.last() + SETTLED_MILLIS);
        }
        return settled && isMajorityHeard(round);
    }

    /** More than half of the enrolled nodes are there, and answer. That one answers again is not told to the scheduler, so it looks again. */
    private static boolean isMajorityHeard(Round round) {
        View view = round.view();
        boolean heard = view.isMajority(view.nodes().values().stream().filter(node -> node.ready() && !view.suspected().contains(node.id())).count());
        if (!heard && !view.suspected().isEmpty()) {
            round.waits().wakeAt(round.now().monotonicMillis() + SUSPECTS_LOOK_MILLIS);
        }
        return heard;
    }
}
