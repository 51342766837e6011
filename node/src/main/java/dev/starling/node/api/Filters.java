package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;

/** The {@code filters} of Docker's lists: {@code {"name":{"web":true}}} or {@code {"name":["web"]}}. Values of one name are alternatives. */
final class Filters {
    private final SortedMap<String, SortedSet<String>> values;

    private Filters(SortedMap<String, SortedSet<String>> values) {
        this.values = values;
    }

    /** @throws ApiException 400 for what is no such JSON, and for a name that is not {@code known} */
    static Filters parse(String text, String... known) {
        SortedMap<String, SortedSet<String>> values = new TreeMap<>();
        JsonNode json = Json.parse(text.getBytes(StandardCharsets.UTF_8), "the filters");
        if (!json.isMissingNode() && !json.isNull() && !json.isObject()) {
            throw ApiException.badRequest("invalid filters: expected an object");
        }
        for (Map.Entry<String, JsonNode> filter : json.properties()) {
            if (!Set.of(known).contains(filter.getKey())) {
                throw ApiException.badRequest("invalid filter '" + filter.getKey() + "'");
            }
            SortedSet<String> alternatives = new TreeSet<>();
            if (filter.getValue().isArray()) {
                filter.getValue().forEach(value -> alternatives.add(value.asText()));
            } else {
                filter.getValue().properties().forEach(value -> {
                    if (value.getValue().asBoolean(true)) {
                        alternatives.add(value.getKey());
                    }
                });
            }
            if (!alternatives.isEmpty()) {
                values.put(filter.getKey(), alternatives);
            }
        }
        return new Filters(values);
    }

    boolean has(String name) {
        return values.containsKey(name);
    }

    SortedSet<String> values(String name) {
        return values.getOrDefault(name, new TreeSet<>());
    }

    /** True where the filter is absent, or one of its values fulfils {@code test}. */
    boolean any(String name, Predicate<String> test) {
        SortedSet<String> alternatives = values.get(name);
        return alternatives == null || alternatives.stream().anyMatch(test);
    }

    boolean exactly(String name, String actual) {
        return any(name, actual::equals);
    }

    boolean prefix(String name, String actual) {
        return any(name, actual::startsWith);
    }

    /** Labels, unlike the rest, must all match: {@code KEY} or {@code KEY=VALUE}. */
    boolean labels(String name, Map<String, String> labels) {
        return values(name).stream().allMatch(wanted -> {
            int equals = wanted.indexOf('=');
            return equals < 0 ? labels.containsKey(wanted) : wanted.substring(equals + 1).equals(labels.get(wanted.substring(0, equals)));
        });
    }

    /** {@link #labels} for an object of strings. */
    boolean labels(String name, JsonNode labels) {
        Map<String, String> map = new TreeMap<>();
        labels.properties().forEach(label -> map.put(label.getKey(), label.getValue().asText()));
        return labels(name, map);
    }

    /** @throws ApiException 400 where a value of {@code name} is not one of {@code allowed} */
    void require(String name, List<String> allowed) {
        for (String value : values(name)) {
            if (!allowed.contains(value)) {
                throw ApiException.badRequest("invalid filter '" + name + "=" + value + "'");
            }
        }
    }
}
