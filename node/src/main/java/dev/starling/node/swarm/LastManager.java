package dev.starling.node.swarm;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.WriteRefusedException;
import dev.starling.node.spec.NodeSpecReader;

/**
 * Holds a cluster to at least one manager: without one nobody could write, renew certificates or make another. Asked on the core's thread, so
 * that of two demotions at one manager the second sees the first.
 */
public final class LastManager {
    /**
     * @param body what is to be written as object {@code uid}
     * @throws WriteRefusedException where it demotes the last manager that is up
     */
    public static void refuseDemotion(ClusterSnapshot snapshot, String uid, JsonNode body) {
        Document node = snapshot.document(Kind.NODE, uid);
        if (node == null || !body.path("Spec").path("Role").asText().equals("worker") || NodeSpecReader.fromBody(node).role() == Role.WORKER) {
            return;
        }
        for (Document other : snapshot.documents().get(Kind.NODE)) {
            if (!other.uid().equals(uid) && isManagerInOffice(snapshot, other)) {
                return;
            }
        }
        throw new WriteRefusedException(WriteRefusedException.Reason.IN_USE, "attempting to demote the last manager of the swarm");
    }

    /** One that is to be manager, is it already, and is up. */
    private static boolean isManagerInOffice(ClusterSnapshot snapshot, Document node) {
        Member member = snapshot.members().get(new NodeId(node.uid()));
        return member != null && member.role() == Role.MANAGER && member.status().isUp()
                && NodeSpecReader.fromBody(node).role() != Role.WORKER;
    }

    private LastManager() {}
}
