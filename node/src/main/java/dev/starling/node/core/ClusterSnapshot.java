package dev.starling.node.core;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.scheduler.model.View;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;

/**
 * An immutable picture of the cluster as this node knows it now.
 *
 * @param documents    the live objects of each kind, oldest first; every kind has an entry
 * @param certificates what each node says of its certificate
 * @param encryption   of the nodes that can encrypt overlay networks; the same map until something of it changes
 */
public record ClusterSnapshot(
        NodeId self, Role role, SortedMap<NodeId, Member> members, SortedMap<NodeId, NodeReport> reports, View view,
        SortedMap<Kind, List<Document>> documents, SortedMap<NodeId, CertificateReport> certificates,
        SortedMap<NodeId, NodeEncryption> encryption) {

    /** Where nobody has said anything of certificates and encryption. */
    public ClusterSnapshot(NodeId self, Role role, SortedMap<NodeId, Member> members, SortedMap<NodeId, NodeReport> reports, View view,
            SortedMap<Kind, List<Document>> documents) {
        this(self, role, members, reports, view, documents, Collections.emptySortedMap(), Collections.emptySortedMap());
    }

    /** How much there is, in a few words. */
    public String summary() {
        return "%d nodes, %d services, %d tasks".formatted(members.size(), documents.getOrDefault(Kind.SERVICE, List.of()).size(),
                view.tasks().values().stream().mapToInt(List::size).sum());
    }

    /** The live object {@code uid}; null where there is none. */
    public Document document(Kind kind, String uid) {
        for (Document document : documents.getOrDefault(kind, List.of())) {
            if (document.uid().equals(uid)) {
                return document;
            }
        }
        return null;
    }
}
