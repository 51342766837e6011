package dev.starling.node.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.SealingKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * What a manager answers the request to renew a certificate; JSON on the wire. It needs no trust in who answered: the certificate has to be
 * signed by the CA that this node knows, for the key that it has, and the CA's key has to be the one of that CA.
 *
 * @param certificate PEM
 * @param caKey       PEM, for a manager; null for a worker
 * @param dataKey     PEM, for a manager; null for a worker
 */
record IssuedCertificate(String certificate, String caKey, String dataKey) {
    private static final int MAX_BYTES = 64 << 10;
    private static final ObjectMapper JSON = new ObjectMapper();

    byte[] encode() {
        ObjectNode json = JSON.createObjectNode().put("certificate", certificate);
        if (caKey != null) {
            json.put("caKey", caKey);
        }
        if (dataKey != null) {
            json.put("dataKey", dataKey);
        }
        return json.toString().getBytes(StandardCharsets.UTF_8);
    }

    static IssuedCertificate decode(byte[] bytes) {
        if (bytes.length > MAX_BYTES) {
            throw new IllegalStateException("the answer has " + bytes.length + " bytes, at most " + MAX_BYTES + " are read");
        }
        try {
            JsonNode json = JSON.readTree(bytes);
            return new IssuedCertificate(json.path("certificate").asText(), json.path("caKey").textValue(), json.path("dataKey").textValue());
        } catch (IOException e) {
            throw new IllegalStateException("the answer is no JSON: " + e.getMessage(), e);
        }
    }

    /**
     * The identity that this makes of {@code current}'s key.
     *
     * @throws dev.starling.gossip.trust.TrustException where certificate or key are not of this node and this CA
     * @throws IllegalStateException where it is not for the role {@code wanted}
     */
    SwarmDirectory.Identity over(SwarmDirectory.Identity current, Role wanted) {
        String caPem = ClusterAuthority.pem(current.credentials().ca());
        NodeCredentials renewed = current.credentials().renewed(certificate);
        if (renewed.role() != wanted) {
            throw new IllegalStateException("the certificate is for a " + renewed.role() + ", while this node is to be a " + wanted
                    + ": who issued it has not heard of that yet");
        }
        if (wanted == Role.WORKER) {
            return new SwarmDirectory.Identity(renewed, null, null, current.advertise());
        }
        if (caKey == null) {
            throw new IllegalStateException("the CA's key is missing in the answer, and a manager needs it");
        }
        return new SwarmDirectory.Identity(renewed, ClusterAuthority.of(caKey, caPem), dataKey == null ? current.dataKey() : SealingKey.ofPem(dataKey),
                current.advertise());
    }

    @Override
    public String toString() {
        return "IssuedCertificate[" + (caKey == null ? "worker" : "manager") + "]"; // never the key
    }
}
