package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.PartitionPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.View;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * How long this node has lost nobody out of sight. Deaths come in company, as when a switch fails, and are told one by one.
 *
 * <p>A partition shows as one death after the other, so a small side still sees a majority when the first are known; a service that wants a majority starts
 * nothing until all have had the time to be noticed.
 *
 * <p>Whatever the policy, the slots of the lost are planned when none was lost for a moment. Of two that are told of in different order, one node
 * would plan the slots of the first and another one those of the second, and both take the same; so 2 in 100 slots were taken twice.
 */
final class Sight {
    private static final long SETTLED_MILLIS = 10_000;
    /** Longer than the word of a death takes to all, shorter than anybody minds. */
    private static final long COMPANY_MILLIS = 200;
    /** Those that are lost one by one for longer than this are not waited for. */
    private static final long LONGEST_COMPANY_MILLIS = 600;

    private SortedSet<NodeId> ready = new TreeSet<>();
    private long since;
    /** When the first of those was lost that went with the last one. */
    private long companySince;

    void look(View view, long now) {
        SortedSet<NodeId> seen = new TreeSet<>();
        view.nodes().values().stream().filter(NodeView::ready).forEach(node -> seen.add(node.id()));
        if (!seen.containsAll(ready)) {
            companySince = now >= since + COMPANY_MILLIS ? now : companySince;
            since = now;
        }
        ready = seen;
    }

    /** Whether the slots of nodes that were lost may be taken; if not yet, the scheduler is woken. */
    boolean mayTakeOver(Round round) {
        long end = Math.min(since + COMPANY_MILLIS, companySince + LONGEST_COMPANY_MILLIS);
        if (since != 0 && round.now().monotonicMillis() < end) {
            round.waits().wakeAt(end);
            return false;
        }
        return true;
    }

    /** A task of {@code service} may be started here, as far as its partition policy goes; if not yet, the scheduler is woken. */
    boolean mayStart(Round round, ServiceSpec service) {
        if (service.site().partition() != PartitionPolicy.MAJORITY) {
            return true;
        }
        boolean settled = since == 0 || round.now().monotonicMillis() >= since + SETTLED_MILLIS;
        if (!settled) {
            round.waits().wakeAt(since + SETTLED_MILLIS);
        }
        return settled && round.demand(service).mayStart();
    }
}
