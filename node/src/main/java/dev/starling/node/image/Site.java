package dev.starling.node.image;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.member.Member;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeReport;
import dev.starling.runtime.image.Digest;
import dev.starling.scheduler.model.Rendezvous;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The nodes that are up and near this one: those whose configuration gives the same value to the label {@code site}, none being a value too. Between them
 * bytes are cheap; what comes from outside of the site should come once.
 *
 * @param members this node is one of them
 */
record Site(NodeId self, SortedMap<NodeId, Member> members) {
    static final String LABEL = "site";
    private static final int STEWARDS = 2;

    static Site of(ClusterSnapshot snapshot) {
        String own = name(snapshot, snapshot.self());
        SortedMap<NodeId, Member> members = new TreeMap<>();
        for (Member member : snapshot.members().values()) {
            if (member.id().equals(snapshot.self()) || member.status().isUp() && name(snapshot, member.id()).equals(own)) {
                members.put(member.id(), member);
            }
        }
        return new Site(snapshot.self(), Collections.unmodifiableSortedMap(members));
    }

    private static String name(ClusterSnapshot snapshot, NodeId node) {
        NodeReport report = snapshot.reports().get(node);
        return report == null ? "" : report.engineLabels().getOrDefault(LABEL, "");
    }

    /** Null where it is not of the site, or down. */
    Member member(NodeId node) {
        return members.get(node);
    }

    boolean has(NodeId node) {
        return members.containsKey(node);
    }

    boolean isAlone() {
        return members.size() < 2;
    }

    /**
     * Who says in which order the site's nodes download a blob: the first, or the next where that one does not answer. Nodes that know the same members name
     * the same ones.
     */
    List<NodeId> stewards(Digest blob) {
        long hash = Rendezvous.hash(blob.hex());
        return members.keySet().stream().sorted(Comparator.comparingLong((NodeId node) -> Rendezvous.score(hash, Rendezvous.hash(node.value()))).reversed())
                .limit(STEWARDS).toList();
    }
}
