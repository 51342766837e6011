package dev.starling.node.spec;

import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Docker's placeholders in environment, host name and mounts of a service: {@code {{.Task.Slot}}} and its like, and
 * {@code {{index .Service.Labels "KEY"}}}. Of Go's template language only these are supported; anything else is refused by name.
 */
final class Placeholders {
    private static final Pattern ACTION = Pattern.compile("\\{\\{(.*?)}}", Pattern.DOTALL);
    private static final Pattern LABEL = Pattern.compile("index\\s+\\.(Service|Node)\\.Labels\\s+\"([^\"]*)\"");
    private static final Set<String> NAMES = Set.of(".Service.ID", ".Service.Name", ".Node.ID", ".Node.Hostname",
            ".Node.Platform.Architecture", ".Node.Platform.OS", ".Task.ID", ".Task.Name", ".Task.Slot");

    private final Map<String, String> values;
    private final Map<String, String> serviceLabels;
    private final Map<String, String> nodeLabels;

    /** @param values each of the names, e.g. {@code .Task.Slot}, and its value */
    Placeholders(Map<String, String> values, Map<String, String> serviceLabels, Map<String, String> nodeLabels) {
        if (!values.keySet().equals(NAMES)) {
            throw new IllegalArgumentException("expected values for " + NAMES + ", got " + values.keySet());
        }
        this.values = values;
        this.serviceLabels = serviceLabels;
        this.nodeLabels = nodeLabels;
    }

    /** @throws SpecException NOT_SUPPORTED where {@code text} has a placeholder that is not supported, INVALID where one does not end */
    static void check(String text, String path) {
        Matcher matcher = ACTION.matcher(text);
        while (matcher.find()) {
            String action = matcher.group(1).strip();
            if (!NAMES.contains(action) && !LABEL.matcher(action).matches()) {
                throw SpecException.notSupported(path + ": the template " + matcher.group());
            }
        }
        if (matcher.replaceAll("").contains("{{")) {
            throw SpecException.invalid(path + ": the template does not end: " + text);
        }
    }

    String fill(String text) {
        if (!text.contains("{{")) {
            return text;
        }
        return ACTION.matcher(text).replaceAll(match -> Matcher.quoteReplacement(value(match.group(1).strip(), match.group())));
    }

    private String value(String action, String asWritten) {
        Matcher label = LABEL.matcher(action);
        if (label.matches()) {
            return (label.group(1).equals("Service") ? serviceLabels : nodeLabels).getOrDefault(label.group(2), "");
        }
        String value = values.get(action);
        if (value == null) {
            throw new IllegalArgumentException("unsupported template " + asWritten);
        }
        return value;
    }
}
