package dev.starling.node.secret;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.gossip.trust.TrustException;
import dev.starling.node.api.ApiException;
import dev.starling.node.core.Document;
import dev.starling.node.spec.PullCredentials;
import java.security.MessageDigest;
import java.util.Base64;

/**
 * How a secret stands in the desired state, of which each node has a copy: {@code {"Spec": {..}, "Sealed": BASE64}}, the value sealed with the
 * cluster's data key for this very object. Labels may change meanwhile; the sealed value goes along as it is.
 */
public final class SecretSeal {
    private static final String SEALED = "Sealed";

    private final SealingKey key;

    /** @param dataKey null on a worker, and on a manager that was never given one */
    public SecretSeal(SealingKey dataKey) {
        this.key = dataKey;
    }

    public ObjectNode body(String uid, JsonNode spec, byte[] value) {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        body.set("Spec", spec);
        return body.put(SEALED, Base64.getEncoder().encodeToString(key().seal(value, context(uid))));
    }

    /** Puts the credentials for a registry into the body of the service {@code uid}. */
    public void putCredentials(ObjectNode body, String uid, byte[] credentials) {
        PullCredentials.put(body, Base64.getEncoder().encodeToString(key().seal(credentials, credentialsContext(uid))));
    }

    /** @throws TrustException as {@link #value} */
    byte[] credentials(Document service) {
        return key().open(Base64.getDecoder().decode(PullCredentials.sealed(service)), credentialsContext(service.uid()));
    }

    /** @throws TrustException where it was sealed with another key or for another object */
    byte[] value(Document secret) {
        try {
            return key().open(Base64.getDecoder().decode(secret.body().path(SEALED).asText("")), context(secret.uid()));
        } catch (IllegalArgumentException e) {
            throw new IllegalStateException("the value of secret " + secret.name() + " does not parse", e);
        }
    }

    public boolean holds(Document secret, byte[] value) {
        return MessageDigest.isEqual(value(secret), value);
    }

    private SealingKey key() {
        if (key == null) {
            throw new ApiException(500, "this node has no data key (swarm/data-key.pem in its data directory), so it can neither keep nor read"
                    + " secrets: on another manager, demote and promote it again");
        }
        return key;
    }

    private static String credentialsContext(String uid) {
        return "registry credentials of service " + uid;
    }

    private static String context(String uid) {
        return "secret " + uid;
    }
}
