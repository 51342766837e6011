package dev.starling.node.join;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.RetiredRoot;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * What a manager answers a node that may join. JSON on the wire.
 *
 * @param certificate    the node's certificate, PEM
 * @param caCertificate  what the cluster trusts, PEM: the root of the token first, then, while the CA is rotated, the newer ones and their
 *                       cross-signed forms
 * @param retired        roots under which objects of the desired state were signed, and that open nothing any more
 * @param caKey          PEM, for a manager; null for a worker
 * @param dataKey        PEM, for a manager; null for a worker
 * @param unlockKey      of autolock, for a manager; null where there is none
 * @param gossip         gossip addresses of live members, {@code host:port}
 * @param now            the cluster's time; {@code wallClock} is what the manager's clock shows
 */
public record JoinReply(
        String certificate, String caCertificate, List<RetiredRoot> retired, String caKey, String dataKey, String unlockKey,
        List<String> gossip, Instant now, Instant wallClock) {

    static ArrayNode write(List<RetiredRoot> retired) {
        ArrayNode json = JsonNodeFactory.instance.arrayNode();
        for (RetiredRoot root : retired) {
            ArrayNode writers = json.addObject().put("certificate", ClusterAuthority.pem(root.certificate())).put("until", root.until().toEpochMilli())
                    .putArray("writers");
            root.writers().forEach(writer -> writers.add(writer.value()));
        }
        return json;
    }

    static List<RetiredRoot> read(JsonNode json) {
        List<RetiredRoot> retired = new ArrayList<>();
        for (JsonNode root : json) {
            List<NodeId> writers = new ArrayList<>();
            root.path("writers").forEach(writer -> writers.add(new NodeId(writer.asText())));
            retired.add(new RetiredRoot(ClusterAuthority.certificate(root.path("certificate").asText()),
                    Instant.ofEpochMilli(root.path("until").asLong()), writers));
        }
        return retired;
    }

    @Override
    public String toString() {
        return "JoinReply[" + (caKey == null ? "worker" : "manager") + "]"; // never the keys
    }
}
