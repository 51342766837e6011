package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/**
 * One text for JSON that means the same: keys sorted, and null, "", {} and [] left out, which clients of different releases write or not.
 * False and 0 stay: where a default is not the zero value they say something ({@code "Delay": 0}).
 */
public final class CanonicalJson {
    /** The canonical form of {@code json}. */
    static JsonNode of(JsonNode json) {
        if (json.isObject()) {
            Map<String, JsonNode> sorted = new TreeMap<>();
            json.properties().forEach(field -> {
                JsonNode value = of(field.getValue());
                if (!says(value)) {
                    return;
                }
                sorted.put(field.getKey(), value);
            });
            ObjectNode result = JsonNodeFactory.instance.objectNode();
            sorted.forEach(result::set);
            return result;
        }
        if (json.isArray()) { // the order and the number of entries mean something, empty ones too
            ArrayNode result = JsonNodeFactory.instance.arrayNode();
            json.forEach(entry -> result.add(of(entry)));
            return result;
        }
        return json;
    }

    /** SHA-256 of the canonical form, hexadecimal. */
    static String sha256(JsonNode json) {
        return sha256(of(json).toString());
    }

    public static String sha256(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no SHA-256", e);
        }
    }

    private static boolean says(JsonNode value) {
        return !(value.isNull() || value.isMissingNode() || value.isContainerNode() && value.isEmpty()
                || value.isTextual() && value.textValue().isEmpty());
    }

    private CanonicalJson() {}
}
