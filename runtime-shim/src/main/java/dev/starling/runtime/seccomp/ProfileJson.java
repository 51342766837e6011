package dev.starling.runtime.seccomp;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/** An object of a seccomp profile and where it stands, so that each refusal says which field is meant. */
record ProfileJson(JsonNode json, String path) {
    private static final int MAX_TEXT = 256;
    private static final int MAX_STRINGS = 4096;
    private static final BigInteger HIGHEST = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);

    String at(String field) {
        return path.isEmpty() ? field : path + "." + field;
    }

    boolean has(String field) {
        return json.hasNonNull(field);
    }

    void onlyKeys(Set<String> known) {
        for (Iterator<String> names = json.fieldNames(); names.hasNext();) {
            String name = names.next();
            if (!known.contains(name)) {
                throw CustomProfile.invalid(at(name), "there is no such field");
            }
        }
    }

    String string(String field) {
        if (!has(field)) {
            throw CustomProfile.invalid(at(field), "is missing");
        }
        return text(json.get(field), at(field));
    }

    List<String> strings(String field) {
        List<String> result = new ArrayList<>();
        for (JsonNode each : list(field, MAX_STRINGS)) {
            result.add(text(each, at(field) + "[" + result.size() + "]"));
        }
        return List.copyOf(result);
    }

    ProfileJson object(String field) {
        if (!json.get(field).isObject()) {
            throw CustomProfile.invalid(at(field), "is not an object");
        }
        return new ProfileJson(json.get(field), at(field));
    }

    List<ProfileJson> objects(String field, int most) {
        List<ProfileJson> result = new ArrayList<>();
        for (JsonNode each : list(field, most)) {
            String where = at(field) + "[" + result.size() + "]";
            if (!each.isObject()) {
                throw CustomProfile.invalid(where, "is not an object");
            }
            result.add(new ProfileJson(each, where));
        }
        return result;
    }

    private Iterable<JsonNode> list(String field, int most) {
        if (!has(field)) {
            return List.of();
        }
        if (!json.get(field).isArray()) {
            throw CustomProfile.invalid(at(field), "is not a list");
        }
        if (json.get(field).size() > most) {
            throw CustomProfile.invalid(at(field), "has " + json.get(field).size() + " entries, and may have " + most);
        }
        return json.get(field);
    }

    long integer(String field, int absent, int most) {
        if (!has(field)) {
            return absent;
        }
        JsonNode number = json.get(field);
        if (!number.isIntegralNumber() || !number.canConvertToLong() || number.longValue() < 0 || number.longValue() > most) {
            throw CustomProfile.invalid(at(field), number + " is no number from 0 to " + most);
        }
        return number.longValue();
    }

    /** @return all 64 bits; 0 where it is absent */
    long unsigned(String field) {
        if (!has(field)) {
            return 0;
        }
        JsonNode number = json.get(field);
        if (!number.isIntegralNumber() || number.bigIntegerValue().signum() < 0 || number.bigIntegerValue().compareTo(HIGHEST) > 0) {
            throw CustomProfile.invalid(at(field), number + " is no number from 0 to 2^64 - 1");
        }
        return number.bigIntegerValue().longValue();
    }

    private static String text(JsonNode node, String path) {
        if (!node.isTextual()) {
            throw CustomProfile.invalid(path, "is not a string");
        }
        if (node.textValue().length() > MAX_TEXT) {
            throw CustomProfile.invalid(path, "is longer than " + MAX_TEXT + " characters");
        }
        return node.textValue();
    }
}
