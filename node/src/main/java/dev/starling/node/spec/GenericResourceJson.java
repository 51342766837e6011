package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.starling.scheduler.model.GenericResources;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;

/** Generic resources as Docker's API writes them, and as a container finds them in its environment. */
public final class GenericResourceJson {
    private static final String PREFIX = "DOCKER_RESOURCE_";

    /** What a service reserves, {@code Reservations.GenericResources}: counts only. What is not understood reads as absent. */
    static GenericResources reserved(JsonNode list) {
        SortedMap<String, Long> counts = new TreeMap<>();
        for (JsonNode entry : list) {
            JsonNode discrete = entry.path("DiscreteResourceSpec");
            String kind = JsonValues.string(discrete.path("Kind"), "");
            long value = JsonValues.integer(discrete.path("Value"), 0);
            if (!kind.isEmpty() && value > 0) {
                counts.merge(kind, value, Long::sum);
            }
        }
        return GenericResources.of(counts, Collections.emptySortedMap());
    }

    /** What a node has, or a task got. */
    public static ArrayNode of(GenericResources resources) {
        ArrayNode list = JsonNodeFactory.instance.arrayNode();
        resources.named().forEach((kind, names) -> names.forEach(name ->
                list.addObject().putObject("NamedResourceSpec").put("Kind", kind).put("Value", name)));
        resources.counts().forEach((kind, count) -> list.addObject().putObject("DiscreteResourceSpec").put("Kind", kind).put("Value", count));
        return list;
    }

    /** {@code DOCKER_RESOURCE_GPU=UUID1,UUID2} and {@code DOCKER_RESOURCE_CAMERA=1}. */
    static List<String> environment(GenericResources resources) {
        List<String> result = new ArrayList<>();
        resources.named().forEach((kind, names) -> result.add(variable(kind) + String.join(",", names)));
        resources.counts().forEach((kind, count) -> result.add(variable(kind) + count));
        return result;
    }

    /** Names below /dev are devices of the node, and whoever got one may use it. */
    static List<String> devices(GenericResources resources) {
        return resources.named().values().stream().flatMap(Collection::stream).filter(name -> name.startsWith("/dev/")).toList();
    }

    private static String variable(String kind) {
        return PREFIX + kind.toUpperCase(Locale.ROOT) + "=";
    }

    private GenericResourceJson() {}
}
