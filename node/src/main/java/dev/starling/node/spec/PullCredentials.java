package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;

/**
 * The credentials that came with a service ({@code --with-registry-auth}), for the nodes that pull its image: a field of the document beside its Spec, so
 * that they come, change and go with it and nobody who reads the spec sees them. Sealed like a secret's value; {@code docker service update} without
 * new ones, and a rollback, leave them as they are.
 */
public final class PullCredentials {
    private static final String FIELD = "PullCredentials";
    private static final String SEALED = "Sealed";
    private static final int DIGEST_DIGITS = 16;

    /** Base 64 of the sealed value; empty where a service has none. */
    public static String sealed(Document service) {
        return service.body().path(FIELD).path(SEALED).asText("");
    }

    public static boolean has(Document service) {
        return !sealed(service).isEmpty();
    }

    /**
     * What a node asks for and holds them by: the service, and which of its credentials, since unlike a secret's value these change. Lower-case letters and
     * digits, as ids are.
     */
    public static String name(Document service) {
        return service.uid() + CanonicalJson.sha256(sealed(service)).substring(0, DIGEST_DIGITS);
    }

    /** The service that a {@link #name} means; null where that has other credentials now, or is none. */
    public static Document service(String name, ClusterSnapshot snapshot) {
        Document service = name.length() <= DIGEST_DIGITS ? null
                : snapshot.document(Kind.SERVICE, name.substring(0, name.length() - DIGEST_DIGITS));
        return service != null && has(service) && name(service).equals(name) ? service : null;
    }

    public static void put(ObjectNode body, String sealed) {
        body.putObject(FIELD).put(SEALED, sealed);
    }

    /** Into the body of the service's next generation, unless that has its own. */
    public static void keep(Document service, ObjectNode next) {
        JsonNode present = service.body().path(FIELD);
        if (present.isObject() && !next.has(FIELD)) {
            next.set(FIELD, present);
        }
    }

    private PullCredentials() {}
}
