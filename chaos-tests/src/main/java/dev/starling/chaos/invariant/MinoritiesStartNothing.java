package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.PartitionPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Always: of a service with {@code starling.partition=majority} no container begins on a node that for some time has had no path to a majority. What a path is
 * the simulated wires say, not the node: one link in one direction is enough, by way of any nodes that run. A node that was in reach at any time
 * in this while counts: its death may not be noticed yet when others come into reach.
 */
public final class MinoritiesStartNothing implements NodeInvariant, Invariant {
    /** For the deaths to be noticed, one after the other, and for a start that was under way. */
    private static final long NOTICED_MILLIS = 20_000;

    private static final class Seen {
        View view;
        final Map<String, Long> wantsMajoritySince = new TreeMap<>();
        Set<String> running = new TreeSet<>();
    }

    /** Node -> others (and itself) -> when there last was a path. */
    private final Map<NodeId, Map<NodeId, Long>> inReach = new TreeMap<>();
    private final Map<NodeId, Seen> byNode = new TreeMap<>();

    @Override
    public Optional<String> violation(Simulation cluster) {
        Set<NodeId> left = new TreeSet<>();
        cluster.nodes().stream().filter(SimNode::answers).forEach(node -> left.add(node.id()));
        while (!left.isEmpty()) {
            Set<NodeId> part = part(cluster, left);
            for (NodeId id : part) {
                Map<NodeId, Long> reached = inReach.computeIfAbsent(id, first -> new TreeMap<>());
                part.forEach(other -> reached.put(other, cluster.now()));
            }
        }
        return Optional.empty();
    }

    /** Takes one node and all that are connected with it out of {@code left}. */
    private static Set<NodeId> part(Simulation cluster, Set<NodeId> left) {
        Set<NodeId> part = new TreeSet<>();
        Deque<NodeId> next = new ArrayDeque<>();
        NodeId first = left.iterator().next();
        left.remove(first);
        next.add(first);
        while (!next.isEmpty()) {
            NodeId at = next.remove();
            part.add(at);
            left.removeIf(other -> {
                boolean linked = !cluster.network().isCut(at, other) || !cluster.network().isCut(other, at);
                return linked && next.add(other);
            });
        }
        return part;
    }

    @Override
    public Optional<String> violation(Simulation cluster, SimNode node) {
        if (!node.hasAgent()) {
            return Optional.empty();
        }
        Seen seen = byNode.computeIfAbsent(node.id(), first -> new Seen());
        View view = node.core().view();
        if (view != seen.view) {
            seen.view = view;
            for (ServiceSpec service : view.services().values()) {
                if (service.site().partition() == PartitionPolicy.MAJORITY) {
                    seen.wantsMajoritySince.putIfAbsent(service.uid(), cluster.now());
                } else {
                    seen.wantsMajoritySince.remove(service.uid());
                }
            }
        }
        long noticed = cluster.now() - NOTICED_MILLIS;
        Set<String> before = seen.running;
        seen.running = new TreeSet<>();
        for (Task task : node.running()) {
            seen.running.add(task.id());
            boolean begins = !before.contains(task.id()) && node.answers() && node.answeringSince() < noticed;
            begins &= reached(node, noticed).isPresent() && seen.wantsMajoritySince.getOrDefault(task.slot().serviceUid(), Long.MAX_VALUE) < noticed;
            if (begins) {
                violation(cluster); // links may have healed since it was last looked at
            }
            Optional<String> minority = begins ? reached(node, noticed) : Optional.empty();
            if (minority.isPresent()) {
                return Optional.of(node + " began task " + task.id() + " of slot " + task.slot() + " and has had a path to " + minority.get()
                        + " alone since " + noticed + " ms; it has in sight " + view.nodes().values().stream().filter(NodeView::ready).map(NodeView::id).toList());
            }
        }
        return Optional.empty();
    }

    /** Those in reach since then, where they are no majority of the nodes which it knows to be enrolled: nobody can tell it of those that joined elsewhere. */
    private Optional<String> reached(SimNode node, long since) {
        Set<NodeId> enrolled = node.core().view().nodes().keySet();
        Map<NodeId, Long> reached = inReach.getOrDefault(node.id(), Map.of());
        List<NodeId> lately = enrolled.stream().filter(id -> reached.getOrDefault(id, Long.MIN_VALUE) >= since).toList();
        return 2 * lately.size() > enrolled.size() ? Optional.empty() : Optional.of(lately.toString());
    }

    @Override
    public String name() {
        return getClass().getSimpleName();
    }
}
