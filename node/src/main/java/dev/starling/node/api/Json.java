package dev.starling.node.api;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Collection;
import java.util.Map;

/** How the API reads and writes JSON and its times. */
final class Json {
    private static final ObjectReader READER = JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build()
            .readerFor(JsonNode.class);
    private static final DateTimeFormatter NANOS = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSSSSS'Z'").withZone(ZoneOffset.UTC);

    /** @throws ApiException 400 with line and column of the error; an empty body reads as missing */
    static JsonNode parse(byte[] body, String what) {
        if (body.length == 0) {
            return JsonNodeFactory.instance.missingNode();
        }
        try {
            return READER.readValue(body);
        } catch (JsonProcessingException e) {
            JsonLocation at = e.getLocation();
            String where = at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
            throw new ApiException(400, "invalid JSON in " + what + where + ": " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new ApiException(400, "invalid JSON in " + what + ": " + e.getMessage(), e);
        }
    }

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    static ArrayNode array() {
        return JsonNodeFactory.instance.arrayNode();
    }

    static ArrayNode strings(Collection<String> texts) {
        ArrayNode result = array();
        texts.forEach(result::add);
        return result;
    }

    static ObjectNode map(Map<String, String> texts) {
        ObjectNode result = object();
        texts.forEach(result::put);
        return result;
    }

    /** RFC 3339 with nanoseconds, as the Docker API writes times. */
    static String time(Instant time) {
        return NANOS.format(time);
    }

    static String time(long wallMillis) {
        return time(Instant.ofEpochMilli(wallMillis));
    }

    private Json() {}
}
