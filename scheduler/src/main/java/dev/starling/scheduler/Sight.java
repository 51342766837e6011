package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.PartitionPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.View;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * How long this node has lost nobody out of sight. A partition shows as one death after the other, so a small side still sees a majority
 * when the first are known; a service that wants a majority starts nothing until all have had the time to be noticed.
 */
final class Sight {
    private static final long SETTLED_MILLIS = 10_000;

    private SortedSet<NodeId> ready = new TreeSet<>();
    private long since;

    void look(View view, long now) {
        SortedSet<NodeId> seen = new TreeSet<>();
        view.nodes().values().stream().filter(NodeView::ready).forEach(node -> seen.add(node.id()));
        if (!seen.containsAll(ready)) {
            since = now;
        }
        ready = seen;
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
