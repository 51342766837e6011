package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.Role;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Availability;
import java.util.SortedMap;
import java.util.TreeMap;

/** Docker's NodeSpec: what operators set on a node ({@code docker node update}). */
public final class NodeSpecReader {
    private static final SupportedFields FIELDS = new SupportedFields("""
            Name string
            Labels map
            Role = worker manager
            Availability = active pause drain
            """);

    /** @param role null where the document says none */
    public record NodeSpec(Availability availability, SortedMap<String, String> labels, Role role) {
        public static NodeSpec none() {
            return new NodeSpec(Availability.ACTIVE, new TreeMap<>(), null);
        }
    }

    /** Checks what a client sends. @throws SpecException INVALID for a spec that Docker refuses too */
    public static void check(JsonNode spec) {
        oneOf(spec, "Role", "worker", "manager");
        oneOf(spec, "Availability", "active", "pause", "drain");
        FIELDS.check(spec);
    }

    /** Never throws: what a newer release wrote and this one does not know reads as absent. */
    public static NodeSpec fromBody(Document document) {
        JsonNode spec = document.spec();
        Availability availability = switch (spec.path("Availability").asText("")) {
            case "pause" -> Availability.PAUSE;
            case "drain" -> Availability.DRAIN;
            default -> Availability.ACTIVE;
        };
        Role role = switch (spec.path("Role").asText("")) {
            case "worker" -> Role.WORKER;
            case "manager" -> Role.MANAGER;
            default -> null;
        };
        return new NodeSpec(availability, JsonValues.map(spec.path("Labels")), role);
    }

    private static void oneOf(JsonNode spec, String field, String... values) {
        String value = spec.path(field).asText("");
        for (String allowed : values) {
            if (allowed.equals(value)) {
                return;
            }
        }
        throw SpecException.invalid("invalid " + field + ": \"" + value + "\", expected one of " + String.join(", ", values));
    }

    private NodeSpecReader() {}
}
