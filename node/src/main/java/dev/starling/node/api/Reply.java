package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;

/** What an endpoint answers. @param body null for none */
record Reply(int status, JsonNode body) {
    static final Reply OK = new Reply(200, null);
    static final Reply NO_CONTENT = new Reply(204, null);

    static Reply json(JsonNode body) {
        return new Reply(200, body);
    }

    static Reply created(JsonNode body) {
        return new Reply(201, body);
    }

    static Reply error(int status, String message) {
        return new Reply(status, JsonNodeFactory.instance.objectNode().put("message", message));
    }
}
