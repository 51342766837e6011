package dev.starling.node.core;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.desired.DesiredObject;

/**
 * A desired object with its body parsed: {@code {"Spec": {...}, ...}}, where Spec is the Docker API's JSON as the client sent it, so
 * that what this release does not know survives a read-modify-write. A service also has {@code "PreviousSpec"} once it was updated; a
 * network's Spec has IPAM and {@code "VxlanId"} filled in. The tree is shared: never change it, copy it.
 */
public record Document(DesiredObject object, JsonNode body) {
    public String uid() {
        return object.uid();
    }

    public JsonNode spec() {
        return body.path("Spec");
    }

    /** {@code Spec.Name}; where two live objects hold one name (after a partition), the older is found by it. */
    public String name() {
        return spec().path("Name").asText("");
    }
}
