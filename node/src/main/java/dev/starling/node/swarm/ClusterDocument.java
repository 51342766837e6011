package dev.starling.node.swarm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import java.time.Duration;
import java.util.List;

/**
 * The one object of kind CLUSTER: Docker's swarm spec and how often each join token was rotated
 * ({@code {"Spec": {"Name": "default", ...}, "JoinTokenRotation": {"worker": 0, "manager": 0}, "UnlockKeyDigest": "..."}}).
 */
public final class ClusterDocument {
    private static final String UNLOCK_KEY = "UnlockKeyDigest";

    static ObjectNode body(JsonNode swarmSpec) {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        ObjectNode spec = swarmSpec instanceof ObjectNode given ? given.deepCopy() : JsonNodeFactory.instance.objectNode();
        if (!spec.hasNonNull("Name")) {
            spec.put("Name", "default");
        }
        body.set("Spec", spec);
        ObjectNode rotation = body.putObject("JoinTokenRotation");
        for (Role role : Role.values()) {
            rotation.put(key(role), 0);
        }
        return body;
    }

    public static ObjectNode rotated(Document cluster, Role role) {
        ObjectNode body = cluster.body().deepCopy();
        body.withObject("/JoinTokenRotation").put(key(role), tokenRotation(cluster, role) + 1);
        return body;
    }

    public static int tokenRotation(ClusterSnapshot snapshot, Role role) {
        Document cluster = of(snapshot);
        return cluster == null ? 0 : tokenRotation(cluster, role);
    }

    private static int tokenRotation(Document cluster, Role role) {
        return cluster.body().path("JoinTokenRotation").path(key(role)).asInt(0);
    }

    /** The cluster's object with another spec, and another unlock key named; {@code unlockKeyDigest} null: managers do not lock themselves. */
    public static ObjectNode changed(Document cluster, JsonNode spec, String unlockKeyDigest) {
        ObjectNode body = cluster.body().deepCopy();
        body.set("Spec", spec);
        body.remove(UNLOCK_KEY);
        if (unlockKeyDigest != null) {
            body.put(UNLOCK_KEY, unlockKeyDigest);
        }
        return body;
    }

    static void nameUnlockKey(ObjectNode body, String digest) {
        body.put(UNLOCK_KEY, digest);
    }

    /** Which unlock key managers seal their keys with; null where they do not. */
    public static String unlockKeyDigest(ClusterSnapshot snapshot) {
        Document cluster = of(snapshot);
        return cluster == null || !cluster.body().hasNonNull(UNLOCK_KEY) ? null : cluster.body().path(UNLOCK_KEY).asText();
    }

    /** How long new node certificates last. */
    public static Duration certificateLife(ClusterSnapshot snapshot) {
        Document cluster = of(snapshot);
        long nanos = cluster == null ? 0 : cluster.spec().path("CAConfig").path("NodeCertExpiry").asLong(0);
        return nanos <= 0 ? ClusterAuthority.NODE_LIFE : Duration.ofNanos(nanos);
    }

    /** Null on a node that has joined and not heard of it yet. */
    public static Document of(ClusterSnapshot snapshot) {
        List<Document> clusters = snapshot.documents().get(Kind.CLUSTER);
        return clusters.isEmpty() ? null : clusters.get(0);
    }

    private static String key(Role role) {
        return role == Role.MANAGER ? "manager" : "worker";
    }

    private ClusterDocument() {}
}
