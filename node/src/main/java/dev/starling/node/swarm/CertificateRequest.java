package dev.starling.node.swarm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;

/**
 * What a node asks a manager to renew its certificate with; JSON on the wire. The manager answers with an {@link IssuedCertificate}.
 *
 * @param pkcs10    PKCS#10, DER: for the key that the node has
 * @param wallClock what the node's clock shows, right or wrong: see {@link dev.starling.gossip.trust.TrustClock#confirm}
 */
public record CertificateRequest(byte[] pkcs10, Instant wallClock) {
    private static final int MAX_BYTES = 16 << 10;
    private static final ObjectMapper JSON = new ObjectMapper();

    public CertificateRequest {
        pkcs10 = pkcs10.clone();
    }

    public byte[] encode() {
        return JSON.createObjectNode().put("csr", pkcs10).put("wallClock", wallClock.toEpochMilli()).toString().getBytes(StandardCharsets.UTF_8);
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
            return new CertificateRequest(pkcs10, Instant.ofEpochMilli(json.path("wallClock").asLong()));
        } catch (IOException e) {
            throw new IllegalStateException("the request for a certificate is no JSON: " + e.getMessage(), e);
        }
    }

    @Override
    public byte[] pkcs10() {
        return pkcs10.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CertificateRequest that && Arrays.equals(pkcs10, that.pkcs10) && wallClock.equals(that.wallClock);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(pkcs10) + wallClock.hashCode();
    }

    @Override
    public String toString() {
        return "CertificateRequest[" + pkcs10.length + " bytes, " + wallClock + "]";
    }
}
