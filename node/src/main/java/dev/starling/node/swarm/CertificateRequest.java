package dev.starling.node.swarm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.gossip.Bytes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/**
 * What a node asks a manager to renew its certificate with; JSON on the wire. The manager answers with an {@link IssuedCertificate}.
 *
 * @param pkcs10    PKCS#10, DER: for the key that the node has
 * @param wallClock what the node's clock shows, right or wrong: see {@link dev.starling.gossip.trust.TrustClock#confirm}
 */
public record CertificateRequest(Bytes pkcs10, Instant wallClock) {
    private static final int MAX_BYTES = 16 << 10;
    private static final ObjectMapper JSON = new ObjectMapper();

    public byte[] encode() {
        return JSON.createObjectNode().put("csr", pkcs10.toArray()).put("wallClock", wallClock.toEpochMilli()).toString().getBytes(StandardCharsets.UTF_8);
    }

    /** @throws IllegalStateException with the reason, for the node that asked */
    public static CertificateRequest decode(byte[] bytes) {
        if (bytes.length > MAX_BYTES) {
            throw new IllegalStateException("the request for a certificate has " + bytes.length + " bytes, at most " + MAX_BYTES + " are read");
        }
        try {
            JsonNode json = JSON.readTree(bytes);
            byte[] pkcs10 = json.path("csr").binaryValue();
            if (pkcs10 == null || !json.path("wallClock").isIntegralNumber()) {
                throw new IllegalStateException("the request for a certificate needs 'csr' (PKCS#10, base64) and 'wallClock' (ms since 1970)");
            }
            return new CertificateRequest(Bytes.wrap(pkcs10), Instant.ofEpochMilli(json.path("wallClock").asLong()));
        } catch (IOException e) {
            throw new IllegalStateException("the request for a certificate is no JSON: " + e.getMessage(), e);
        }
    }

    @Override
    public String toString() {
        return "CertificateRequest[" + pkcs10.size() + " bytes, " + wallClock + "]";
    }
}
