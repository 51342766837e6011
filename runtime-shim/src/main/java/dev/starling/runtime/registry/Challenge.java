package dev.starling.runtime.registry;

import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a registry wants to see before it answers, from {@code WWW-Authenticate: Bearer realm="https://..",service="..",scope=".."}. The
 * parameters come in any order (RFC 9110, 11.6.1).
 */
record Challenge(String scheme, Map<String, String> parameters) {
    private static final int LONGEST = 4_096;
    private static final Pattern PARAMETER = Pattern.compile("([A-Za-z]+)=(?:\"((?:[^\"\\\\]|\\\\.)*+)\"|([^\\s,\"]+))");

    static Challenge parse(String header) {
        String text = header == null || header.length() > LONGEST ? "" : header.strip();
        int space = text.indexOf(' ');
        String scheme = (space < 0 ? text : text.substring(0, space)).toLowerCase(Locale.ROOT);
        Map<String, String> parameters = new TreeMap<>();
        Matcher matcher = PARAMETER.matcher(space < 0 ? "" : text.substring(space + 1));
        while (matcher.find()) {
            String value = matcher.group(2) != null ? matcher.group(2).replaceAll("\\\\(.)", "$1") : matcher.group(3);
            parameters.putIfAbsent(matcher.group(1).toLowerCase(Locale.ROOT), value);
        }
        return new Challenge(scheme, parameters);
    }

    String parameter(String name) {
        return parameters.getOrDefault(name, "");
    }
}
