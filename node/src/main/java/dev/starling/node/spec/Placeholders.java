package dev.starling.node.spec;

import static dev.starling.node.spec.JsonValues.map;

import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.scheduler.model.Task;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Docker's placeholders in environment, host name and mounts of a service: {@code {{.Task.Slot}}} and its like, and
 * {@code {{index .Service.Labels "KEY"}}}. Of Go's template language only these are supported; anything else is refused by name.
 */
final class Placeholders {
    static final Pattern ACTION = Pattern.compile("\\{\\{(.*?)}}", Pattern.DOTALL);
    private static final Pattern LABEL = Pattern.compile("index\\s+\\.(Service|Node)\\.Labels\\s+\"([^\"]*)\"");
    private static final Set<String> NAMES = Set.of(".Service.ID", ".Service.Name", ".Node.ID", ".Node.Hostname",
            ".Node.Platform.Architecture", ".Node.Platform.OS", ".Task.ID", ".Task.Name", ".Task.Slot");

    private final Map<String, String> values;
    private final Map<String, String> serviceLabels;
    private final Map<String, String> nodeLabels;

    /** @param values each of the names, e.g. {@code .Task.Slot}, and its value */
    private Placeholders(Map<String, String> values, Map<String, String> serviceLabels, Map<String, String> nodeLabels) {
        this.values = values;
        this.serviceLabels = serviceLabels;
        this.nodeLabels = nodeLabels;
    }

    /** As {@code task} of {@code service} has them on {@code node}. */
    static Placeholders of(Document service, Task task, NodeReport node, Map<String, String> nodeLabels) {
        return new Placeholders(Map.of(
                ".Service.ID", service.uid(), ".Service.Name", service.name(), ".Node.ID", task.node().value(), ".Node.Hostname",
                node.hostname(), ".Node.Platform.Architecture", node.platform().architecture(), ".Node.Platform.OS", node.platform().os(),
                ".Task.ID", task.id(), ".Task.Name", ContainerSpecBuilder.taskName(service, task), ".Task.Slot", ContainerSpecBuilder.slotName(task)),
                map(service.spec().path("Labels")), nodeLabels);
    }

    static boolean isKnown(String action) {
        return NAMES.contains(action) || LABEL.matcher(action).matches();
    }

    /** @throws SpecException NOT_SUPPORTED where {@code text} has a placeholder that is not supported, INVALID where one does not end */
    static void check(String text, String path) {
        Matcher matcher = ACTION.matcher(text);
        while (matcher.find()) {
            if (!isKnown(matcher.group(1).strip())) {
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
        return ACTION.matcher(text).replaceAll(match -> Matcher.quoteReplacement(value(match.group(1).strip())));
    }

    /** @throws IllegalArgumentException where a newer release wrote it */
    String value(String action) {
        Matcher label = LABEL.matcher(action);
        if (label.matches()) {
            return (label.group(1).equals("Service") ? serviceLabels : nodeLabels).getOrDefault(label.group(2), "");
        }
        String value = values.get(action);
        if (value == null) {
            throw new IllegalArgumentException("unsupported template {{" + action + "}}");
        }
        return value;
    }
}
