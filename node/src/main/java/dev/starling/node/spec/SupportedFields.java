package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Which fields of a client's JSON this release acts on, as a table of paths and types. A field that is not in the table and says something
 * (is not null, "", 0, false, or made of such) is refused by name as not supported, so that no option is ever dropped in silence; a field of the
 * wrong type is refused as invalid.
 *
 * <p>A table has one field a line: {@code PATH TYPE}, or {@code PATH = VALUE VALUE} where only these texts are supported. In a path,
 * {@code []} stands for each entry of a list. Types: string, integer, number, boolean, strings (a list), map (string to string), any.
 */
public final class SupportedFields {
    private record Rule(String type, Set<String> values) {}

    private final Map<String, Rule> rules = new LinkedHashMap<>();

    public SupportedFields(String table) {
        for (String line : table.strip().split("\n")) {
            String[] words = line.strip().split("\\s+");
            boolean listed = words[1].equals("=");
            rules.put(words[0], listed ? new Rule("string", Set.of(Arrays.copyOfRange(words, 2, words.length)))
                    : new Rule(words[1], Set.of()));
        }
    }

    /** @throws SpecException INVALID or NOT_SUPPORTED, its text beginning with the path of the field */
    public void check(JsonNode json) {
        check(json, "", "");
    }

    /** @param path with indices, for the reader; {@code pattern} the same with {@code []} */
    private void check(JsonNode json, String path, String pattern) {
        if (!says(json)) {
            return;
        }
        Rule rule = rules.get(pattern);
        if (rule != null) {
            checkLeaf(json, path, rule);
        } else if (leadsOn(pattern)) {
            descend(json, path, pattern);
        } else {
            throw SpecException.notSupported(path);
        }
    }

    private void descend(JsonNode json, String path, String pattern) {
        boolean list = !pattern.isEmpty() && rules.keySet().stream().anyMatch(known -> known.startsWith(pattern + "[]"));
        if (list ? !json.isArray() : !json.isObject()) {
            throw wrongType(path.isEmpty() ? "the request body" : path, list ? "a list" : "an object", json);
        }
        if (list) {
            for (int i = 0; i < json.size(); i++) {
                check(json.get(i), path + "[" + i + "]", pattern + "[]");
            }
        } else {
            json.properties().forEach(field -> check(field.getValue(), join(path, field.getKey()), join(pattern, field.getKey())));
        }
    }

    private static void checkLeaf(JsonNode json, String path, Rule rule) {
        boolean fits = switch (rule.type()) {
            case "string" -> json.isTextual();
            case "integer" -> json.isIntegralNumber() && json.canConvertToLong();
            case "number" -> json.isNumber();
            case "boolean" -> json.isBoolean();
            case "strings" -> json.isArray() && allText(json);
            case "map" -> json.isObject() && allText(json);
            case "any" -> true;
            default -> throw new IllegalStateException("the table of fields has an unknown type: " + rule.type());
        };
        if (!fits) {
            throw wrongType(path, switch (rule.type()) {
                case "strings" -> "a list of strings";
                case "map" -> "an object of strings";
                case "integer" -> "an integer";
                default -> "a " + rule.type();
            }, json);
        }
        if (!rule.values().isEmpty() && !rule.values().contains(json.textValue())) {
            throw SpecException.notSupported(path + " \"" + json.textValue() + "\"");
        }
    }

    private static boolean allText(JsonNode container) {
        for (JsonNode entry : container) {
            if (!entry.isTextual()) {
                return false;
            }
        }
        return true;
    }

    private static boolean says(JsonNode json) {
        if (json.isContainerNode()) {
            for (JsonNode entry : json) {
                if (says(entry)) {
                    return true;
                }
            }
            return false;
        }
        return switch (json.getNodeType()) {
            case NULL, MISSING -> false;
            case STRING -> !json.textValue().isEmpty();
            case BOOLEAN -> json.booleanValue();
            case NUMBER -> json.doubleValue() != 0;
            default -> true;
        };
    }

    private boolean leadsOn(String pattern) {
        return pattern.isEmpty()
                || rules.keySet().stream().anyMatch(known -> known.startsWith(pattern + ".") || known.startsWith(pattern + "[]"));
    }

    private static String join(String path, String field) {
        return path.isEmpty() ? field : path + "." + field;
    }

    private static SpecException wrongType(String path, String expected, JsonNode got) {
        return SpecException.invalid(path + ": expected " + expected + ", got " + switch (got.getNodeType()) {
            case ARRAY -> "a list";
            case OBJECT -> "an object";
            case BOOLEAN -> "a boolean";
            case NUMBER -> "the number " + got.asText();
            case STRING -> "a string";
            default -> got.getNodeType().toString();
        });
    }
}
