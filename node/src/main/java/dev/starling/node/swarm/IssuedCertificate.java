package dev.starling.node.swarm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.SealingKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/**
 * What a manager answers the request to renew a certificate; JSON on the wire. It needs no trust in who answered: the certificate has to be
 * signed by a CA that this node knows, or that one it knows has certified, for the key that it has, and the CA's keys have to be those of such
 * CAs. Only the time is believed, as far as {@link dev.starling.gossip.trust.TrustClock} does.
 *
 * @param certificate PEM
 * @param roots       PEM: what the manager trusts
 * @param caKeys      PEM, for a manager; null for a worker
 * @param dataKey     PEM, for a manager; null for a worker
 * @param unlockKey   of autolock, for a manager; null where there is none
 */
public record IssuedCertificate(String certificate, String roots, String caKeys, String dataKey, String unlockKey, Instant now, Instant wallClock) {
    private static final int MAX_BYTES = 64 << 10;
    private static final ObjectMapper JSON = new ObjectMapper();

    public byte[] encode() {
        ObjectNode json = JSON.createObjectNode().put("certificate", certificate).put("roots", roots).put("now", now.toEpochMilli())
                .put("wallClock", wallClock.toEpochMilli());
        if (caKeys != null) {
            json.put("caKey", caKeys);
        }
        if (unlockKey != null) {
            json.put("unlockKey", unlockKey);
        }
        if (dataKey != null) {
            json.put("dataKey", dataKey);
        }
        return json.toString().getBytes(StandardCharsets.UTF_8);
    }

    public static IssuedCertificate decode(byte[] bytes) {
        if (bytes.length > MAX_BYTES) {
            throw new IllegalStateException("the answer has " + bytes.length + " bytes, at most " + MAX_BYTES + " are read");
        }
        try {
            JsonNode json = JSON.readTree(bytes);
            return new IssuedCertificate(json.path("certificate").asText(), json.path("roots").asText(), text(json, "caKey"),
                    text(json, "dataKey"), text(json, "unlockKey"),
                    Instant.ofEpochMilli(json.path("now").asLong()), Instant.ofEpochMilli(json.path("wallClock").asLong()));
        } catch (IOException e) {
            throw new IllegalStateException("the answer is no JSON: " + e.getMessage(), e);
        }
    }

    private static String text(JsonNode json, String field) {
        return json.hasNonNull(field) ? json.path(field).asText() : null;
    }

    /**
     * The identity that this makes of {@code current}'s key.
     *
     * @throws dev.starling.gossip.trust.TrustException where certificate or key are not of this node and a CA it may trust
     * @throws IllegalStateException where it is not for the role {@code wanted}; null: any role will do
     */
    public SwarmDirectory.Identity over(SwarmDirectory.Identity current, Role wanted) {
        NodeCredentials now = current.credentials();
        ClusterRoots known = roots.isEmpty() ? now.roots() : now.roots().learn(ClusterRoots.parse(now.clusterId(), roots));
        NodeCredentials renewed = now.trusting(known).renewed(certificate);
        if (wanted != null && renewed.role() != wanted) {
            throw new IllegalStateException("the certificate is for a " + renewed.role() + ", while this node is to be a " + wanted
                    + ": who issued it has not heard of that yet");
        }
        if (renewed.role() == Role.WORKER) {
            return new SwarmDirectory.Identity(renewed, null, null, current.advertise());
        }
        if (caKeys == null) {
            throw new IllegalStateException("the CA's key is missing in the answer, and a manager needs it");
        }
        ClusterAuthorities held = ClusterAuthorities.parse(caKeys, renewed.roots());
        if (current.authorities() != null) { // whoever issued it may lack a key that is at hand here
            for (ClusterAuthority own : current.authorities().within(renewed.roots()).held()) {
                held = held.with(own);
            }
        }
        return new SwarmDirectory.Identity(renewed, held, dataKey == null ? current.dataKey() : SealingKey.ofPem(dataKey), current.advertise());
    }

    @Override
    public String toString() {
        return "IssuedCertificate[" + (caKeys == null ? "worker" : "manager") + "]"; // never a key
    }
}
