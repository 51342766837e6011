package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.node.core.Document;

/**
 * The credentials that came with a service ({@code --with-registry-auth}), for the nodes that pull its image: a field of the document beside its Spec, so
 * that they come, change and go with it and nobody who reads the spec sees them. Sealed like a secret's value; {@code docker service update} without
 * new ones, and a rollback, leave them as they are.
 */
public final class PullCredentials {
    private static final String FIELD = "PullCredentials";
    private static final String SEALED = "Sealed";

    /** Base 64 of the sealed value; empty where a service has none. */
    public static String sealed(Document service) {
        return service.body().path(FIELD).path(SEALED).asText("");
    }

    public static boolean has(Document service) {
        return !sealed(service).isEmpty();
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
