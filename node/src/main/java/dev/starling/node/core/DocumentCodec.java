package dev.starling.node.core;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.desired.DesiredObject;
import java.nio.charset.StandardCharsets;

/** Bodies of desired objects: JSON, bounded in depth and size. */
final class DocumentCodec {
    static final int MAX_BODY_BYTES = 4 << 20;
    private static final int MAX_DEPTH = 100;

    private final ObjectMapper mapper = new ObjectMapper(JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).maxStringLength(MAX_BODY_BYTES).build())
            .build());

    /** Null where the body is no JSON object: a release that cannot read it keeps it and shows nothing. */
    Document parse(DesiredObject object) {
        try {
            JsonNode body = mapper.readTree(object.body().array());
            return body instanceof ObjectNode ? new Document(object, body) : null;
        } catch (java.io.IOException e) {
            return null;
        }
    }

    Bytes write(JsonNode body) {
        try {
            byte[] bytes = mapper.writeValueAsString(body).getBytes(StandardCharsets.UTF_8);
            if (bytes.length > MAX_BODY_BYTES) {
                throw new IllegalArgumentException("the object has " + bytes.length + " bytes, at most " + MAX_BODY_BYTES + " are allowed");
            }
            return Bytes.wrap(bytes);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("the object cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }
}
