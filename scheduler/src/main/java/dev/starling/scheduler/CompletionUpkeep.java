package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.slot.ServiceSlots;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Keeps what jobs have done when the node that did it is gone. That a slot is completed is said by its task in the record of the node which
 * ran it; with {@code docker node rm}, or with that node's disk, it would be lost, and the work be done again. So for each job a few nodes, the
 * keepers, have the sum of it in records of their own.
 *
 * <p>Keepers are the {@link #KEEPERS} ready nodes that come first by rendezvous hash with the service. When one dies the next in order takes
 * its place and finds the sum in the others' records, those of dead nodes included. A former keeper drops its copy once all present ones have
 * what it has. The sum of an iteration gives way to that of the next, which may be empty, in one write: so whoever still has the job's old
 * document sees that the slots are done, or that their iteration is over. A sum is written at once, and then at most each {@link #INTERVAL_MILLIS}; what was completed in between before its node
 * was removed may be done again: at least once, not exactly once.
 */
final class CompletionUpkeep implements Phase {
    static final int KEEPERS = 5;
    /** A job of thousands of short slots must not write its sum anew for each. */
    private static final long INTERVAL_MILLIS = 1_000;

    /**
     * How long a job's document may come later than records that are written by it. A sum of a job that was removed is kept so long: a node that comes
     * back may hear that the tasks are gone before it hears that their job is. So is one of a later iteration than the document here says.
     */
    static final long DOCUMENT_LAG_MILLIS = 60_000;

    private final SortedMap<String, List<NodeId>> keepers = new TreeMap<>();
    private SortedMap<NodeId, NodeView> nodes = Collections.emptySortedMap();
    /** Job -> when this node last wrote its sum, monotonic milliseconds. */
    private final SortedMap<String, Long> written = new TreeMap<>();

    @Override
    public void run(Round round) {
        if (round.view().nodes() != nodes) {
            nodes = round.view().nodes();
            keepers.clear();
        }
        written.keySet().retainAll(round.view().services().keySet());
        for (CompletedWork kept : List.copyOf(round.own().completed().values())) {
            ServiceSpec service = round.view().services().get(kept.serviceUid());
            boolean stray = service == null || service.iteration() < kept.iteration();
            if (stray && round.waits().isOver("forget " + kept.serviceUid(), DOCUMENT_LAG_MILLIS)) {
                round.own().dropCompleted(kept.serviceUid());
            }
        }
        for (ServiceSpec service : round.view().services().values()) {
            if (service.isJob()) {
                round.table().service(service.uid()).map(ServiceSlots::completed).ifPresent(shown -> keep(round, service, shown));
            }
        }
    }

    private void keep(Round round, ServiceSpec service, CompletedWork shown) {
        CompletedWork own = round.own().completed().get(service.uid());
        if (own == null && shown.size() == 0 || own != null && own.iteration() > service.iteration()) {
            return; // nothing to keep; or this node is ahead of the service's document, which is on its way or has lost to the one here
        }
        List<NodeId> order = keepers.computeIfAbsent(service.uid(), uid -> keepers(service));
        if (order.contains(round.self().id())) {
            if ((own == null || !own.containsAll(shown)) && mayWrite(round, service)) {
                round.own().putCompleted(own == null ? shown : own.join(shown));
                written.put(service.uid(), round.now().monotonicMillis());
            }
        } else if (own != null && order.stream().allMatch(keeper -> has(round, keeper, own))) {
            round.own().dropCompleted(service.uid());
        }
    }

    /** The first at once: what a node on its own knows from one that is removed a moment later is then kept. */
    private boolean mayWrite(Round round, ServiceSpec service) {
        Long last = written.get(service.uid());
        if (last == null || round.now().monotonicMillis() >= last + INTERVAL_MILLIS) {
            return true;
        }
        round.waits().wakeAt(last + INTERVAL_MILLIS);
        return false;
    }

    private List<NodeId> keepers(ServiceSpec service) {
        long job = Rendezvous.hash(service.uid());
        return nodes.values().stream().filter(NodeView::ready).map(NodeView::id)
                .sorted(Comparator.comparingLong((NodeId node) -> Rendezvous.score(job, Rendezvous.hash(node.value()))).reversed()
                        .thenComparing(Comparator.naturalOrder()))
                .limit(KEEPERS).toList();
    }

    private static boolean has(Round round, NodeId keeper, CompletedWork own) {
        return round.view().completed().getOrDefault(keeper, List.of()).stream()
                .anyMatch(work -> work.serviceUid().equals(own.serviceUid()) && work.containsAll(own));
    }
}
