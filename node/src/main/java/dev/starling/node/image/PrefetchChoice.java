package dev.starling.node.image;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.member.Member;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeReport;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.plan.Forecast;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * Which image this node would need next: the planner is asked what would run where if one node of the site were gone, another one each turn, and what it
 * gives to this node counts where the image is pinned, not here, and at hand at another node of the site. So of the nodes that could take over one at a time
 * fetches, since from then on the planner prefers it.
 */
final class PrefetchChoice {
    /** A plan of a larger cluster takes more of a small machine than a prefetched image is worth. */
    static final int MOST_TASKS = 5_000;

    private PrefetchChoice() {}

    /**
     * @param here whether this node has an image
     * @param turn counts up
     */
    static Optional<String> of(ClusterSnapshot snapshot, Predicate<String> here, long turn) {
        View view = snapshot.view();
        Site site = Site.of(snapshot);
        SortedSet<String> services = new TreeSet<>();
        for (ServiceSpec service : view.services().values()) {
            if (isAtHand(service.image(), site, snapshot) && !here.test(service.image())) {
                services.add(service.uid());
            }
        }
        if (services.isEmpty() || view.tasks().values().stream().mapToInt(List::size).sum() > MOST_TASKS) {
            return Optional.empty();
        }
        List<NodeId> running = view.tasks().entrySet().stream()
                .filter(ofNode -> !ofNode.getKey().equals(snapshot.self()) && site.has(ofNode.getKey()) && ofNode.getValue().stream()
                        .anyMatch(task -> isOf(task, services)))
                .map(SortedMap.Entry::getKey).toList();
        if (running.isEmpty()) {
            return Optional.empty();
        }
        NodeId gone = running.get((int) (turn % running.size()));
        SortedMap<NodeId, NodeView> nodes = new TreeMap<>(view.nodes());
        nodes.computeIfPresent(gone, (id, node) -> node.withReady(false));
        return Forecast.of(view, view.withNodes(nodes)).placements().stream()
                .filter(placement -> services.contains(placement.slot().serviceUid()) && gone.equals(placement.before())
                        && snapshot.self().equals(placement.after()))
                .map(placement -> view.services().get(placement.slot().serviceUid()).image()).findFirst();
    }

    private static boolean isOf(Task task, SortedSet<String> services) {
        return task.isActive() && services.contains(task.slot().serviceUid());
    }

    private static boolean isAtHand(String image, Site site, ClusterSnapshot snapshot) {
        int digest = image.indexOf('@');
        if (digest < 0) {
            return false; // what a tag stands for is the registry's word
        }
        for (Member member : site.members().values()) {
            NodeReport report = snapshot.reports().get(member.id());
            if (!member.id().equals(snapshot.self()) && report != null && report.images().contains(image.substring(digest + 1))) {
                return true;
            }
        }
        return false;
    }
}
