package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Reads values of stored JSON without ever failing: what is absent or of another type (a newer release wrote it) reads as absent. What a
 * client sends was checked before it got here.
 */
final class JsonValues {
    static List<String> strings(JsonNode array) {
        List<String> result = new ArrayList<>();
        if (array.isArray()) {
            array.forEach(entry -> {
                if (entry.isTextual()) {
                    result.add(entry.textValue());
                }
            });
        }
        return List.copyOf(result);
    }

    static SortedMap<String, String> map(JsonNode object) {
        SortedMap<String, String> result = new TreeMap<>();
        if (object.isObject()) {
            object.properties().forEach(field -> {
                if (field.getValue().isTextual()) {
                    result.put(field.getKey(), field.getValue().textValue());
                }
            });
        }
        return result;
    }

    static String string(JsonNode value, String absent) {
        return value.isTextual() && !value.textValue().isEmpty() ? value.textValue() : absent;
    }

    static long integer(JsonNode value, long absent) {
        return value.isNumber() && value.canConvertToLong() ? value.longValue() : absent;
    }

    /** Negative and too great values come out at the ends of {@code 0 .. Integer.MAX_VALUE}. */
    static int count(JsonNode value, int absent) {
        return (int) Math.max(0, Math.min(Integer.MAX_VALUE, integer(value, absent)));
    }

    /** Docker writes durations in nanoseconds. */
    static long millisOfNanos(JsonNode value, long absentMillis) {
        return value.isNumber() ? Math.max(0, integer(value, 0) / 1_000_000) : absentMillis;
    }

    private JsonValues() {}
}
