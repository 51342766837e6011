package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Which manager writes an amendment of a service's document. All of them see the same reason for it, so any of them might; to save writes the
 * managers stand in a line by rendezvous hash with the service, the first writes at once, and each next one only if a beat later there is still
 * none to be seen. Two that write at once write the same, and gossip keeps one.
 */
final class Amenders {
    /** What was asked for and is not seen in the view yet, by service: the document that it amends. */
    private final SortedMap<String, ServiceSpec> asked = new TreeMap<>();

    /** What waits for a document that has come, or is gone, is forgotten. */
    void look(Round round) {
        asked.entrySet().removeIf(entry -> round.view().services().get(entry.getKey()) != entry.getValue());
    }

    static boolean mayAmend(Round round) {
        return round.self().role() == Role.MANAGER;
    }

    /** @param why what has to be so all the time; another reason begins anew */
    void amendAfter(Round round, ServiceSpec service, String why, long millis, Amendment amendment) {
        if (asked.containsKey(service.uid())) {
            return;
        }
        long beats = place(round, service) * round.config().beat().toMillis();
        if (round.waits().isOver("amend " + service.uid() + " " + service.generation() + " " + why, millis + beats)) {
            asked.put(service.uid(), service);
            round.own().amend(service, amendment);
        }
    }

    private static long place(Round round, ServiceSpec service) {
        long hash = Rendezvous.hash(service.uid());
        List<NodeId> line = round.view().nodes().values().stream()
                .filter(node -> node.ready() && node.role() == Role.MANAGER).map(NodeView::id)
                .sorted(Comparator.comparingLong((NodeId node) -> Rendezvous.score(hash, Rendezvous.hash(node.value()))).reversed()
                        .thenComparing(Comparator.naturalOrder())).toList();
        return Math.max(0, line.indexOf(round.self().id()));
    }
}
