package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.member.Member;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Task;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** At rest: every running node has the same desired state, the same records, and knows who is up. */
public final class ViewsAreEqual implements Invariant {
    @Override
    public boolean holds(Simulation cluster) {
        return cluster.upNodes().stream().mapToLong(node -> node.core().viewFingerprint()).distinct().count() <= 1;
    }

    @Override
    public Optional<String> violation(Simulation cluster) {
        if (holds(cluster)) {
            return Optional.empty();
        }
        String first = null;
        SimNode of = null;
        for (SimNode node : cluster.upNodes()) {
            String view = describe(cluster, node.core().snapshot());
            if (first == null) {
                first = view;
                of = node;
            } else if (!first.equals(view)) {
                return Optional.of(of + " and " + node + " differ: " + difference(first, view));
            }
        }
        return Optional.of("the fingerprints of the views differ, in what is known of nodes that are down or in members' incarnations");
    }

    private static String describe(Simulation cluster, ClusterSnapshot snapshot) {
        StringBuilder text = new StringBuilder();
        for (SimNode node : cluster.nodes()) {
            Member member = snapshot.members().get(node.id());
            boolean up = member != null && member.status().isUp();
            text.append(node.id()).append(up ? " up\n" : " down\n");
        }
        for (List<Document> documents : snapshot.documents().values()) {
            for (Document document : documents) {
                text.append(document.uid()).append('@').append(document.object().generation()).append('/')
                        .append(document.object().time().packed()).append('\n');
            }
        }
        for (Map.Entry<NodeId, List<Task>> entry : new TreeMap<>(snapshot.view().tasks()).entrySet()) {
            if (cluster.node(entry.getKey()).isUp()) {
                for (Task task : entry.getValue()) {
                    text.append(entry.getKey()).append(": ").append(task.slot()).append(' ').append(task.id()).append(' ')
                            .append(task.state()).append(' ').append(task.desired()).append('\n');
                }
            }
        }
        return text.toString();
    }

    private static String difference(String a, String b) {
        List<String> left = a.lines().toList();
        List<String> right = b.lines().toList();
        for (int i = 0; i < Math.max(left.size(), right.size()); i++) {
            String l = i < left.size() ? left.get(i) : "(nothing)";
            String r = i < right.size() ? right.get(i) : "(nothing)";
            if (!l.equals(r)) {
                return "'" + l + "' against '" + r + "'";
            }
        }
        return "nothing";
    }
}
