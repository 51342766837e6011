package dev.starling.scheduler.filter;

import dev.starling.gossip.Role;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Platform;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * One placement constraint, e.g. {@code node.labels.zone==a} or {@code node.platform.arch != arm64}. Values compare without regard to
 * case, as in Docker; a label that is not there is equal to nothing.
 */
public record Constraint(String key, Operator operator, String value) {
    public enum Operator { EQUAL, NOT_EQUAL }

    private static final String NODE_LABEL = "node.labels.";
    private static final String ENGINE_LABEL = "engine.labels.";
    private static final List<String> ATTRIBUTES =
            List.of("node.id", "node.hostname", "node.ip", "node.role", "node.platform.os", "node.platform.arch");
    private static final Pattern KEY = Pattern.compile("[A-Za-z_][A-Za-z0-9\\-_./]*");
    private static final Pattern VALUE = Pattern.compile("[A-Za-z0-9:\\-_\\s.*()?+\\[\\]\\\\^$|/]+");

    /** @throws IllegalArgumentException with a sentence for the person who wrote it: wrong syntax, unknown key, or a value that no node can have */
    public static Constraint parse(String text) {
        int notEqual = text.indexOf("!=");
        int equal = text.indexOf("==");
        int at = notEqual < 0 ? equal : equal < 0 ? notEqual : Math.min(equal, notEqual);
        if (at < 0) {
            throw new IllegalArgumentException("constraint '" + text + "': expected one operator from ==, !=");
        }
        String key = normalKey(text.substring(0, at).strip());
        String value = text.substring(at + 2).strip();
        if (!KEY.matcher(key).matches()) {
            throw new IllegalArgumentException("constraint '" + text + "': key '" + key + "' is invalid");
        }
        if (!VALUE.matcher(value).matches()) {
            throw new IllegalArgumentException("constraint '" + text + "': value '" + value + "' is invalid");
        }
        boolean label = key.startsWith(NODE_LABEL) && key.length() > NODE_LABEL.length()
                || key.startsWith(ENGINE_LABEL) && key.length() > ENGINE_LABEL.length();
        if (!label && !ATTRIBUTES.contains(key)) {
            throw new IllegalArgumentException("constraint '" + text + "': unknown key '" + key + "'; known are "
                    + String.join(", ", ATTRIBUTES) + ", node.labels.NAME and engine.labels.NAME");
        }
        if (key.equals("node.role") && !value.equalsIgnoreCase(Role.MANAGER.name()) && !value.equalsIgnoreCase(Role.WORKER.name())) {
            throw new IllegalArgumentException("constraint '" + text + "': a node's role is manager or worker, not '" + value + "'");
        }
        if (key.equals("node.ip") && value.contains("/")) {
            Ipv4Range.parse(value);
        }
        return new Constraint(key, at == notEqual ? Operator.NOT_EQUAL : Operator.EQUAL, value);
    }

    /** Names of attributes are case-insensitive; the name of a label is not. */
    private static String normalKey(String key) {
        String lower = key.toLowerCase(Locale.ROOT);
        for (String prefix : List.of(NODE_LABEL, ENGINE_LABEL)) {
            if (lower.startsWith(prefix)) {
                return prefix + key.substring(prefix.length());
            }
        }
        return lower;
    }

    @Override
    public String toString() {
        return key + (operator == Operator.EQUAL ? "==" : "!=") + value;
    }

    public boolean matches(NodeView node) {
        return holdsFor(node) == (operator == Operator.EQUAL);
    }

    private boolean holdsFor(NodeView node) {
        if (key.equals("node.ip") && value.contains("/")) {
            return Ipv4Range.parse(value).contains(node.address());
        }
        if (key.equals("node.platform.arch")) {
            return Platform.normalArchitecture(value).equals(Platform.normalArchitecture(node.platform().architecture()));
        }
        String actual = attribute(node, key);
        return actual != null && actual.equalsIgnoreCase(value);
    }

    /** What {@code key} names on {@code node}; null where the node has no such label. Also what a spread preference is read with. */
    public static String attribute(NodeView node, String key) {
        if (key.startsWith(NODE_LABEL)) {
            return node.labels().get(key.substring(NODE_LABEL.length()));
        }
        if (key.startsWith(ENGINE_LABEL)) {
            return node.engineLabels().get(key.substring(ENGINE_LABEL.length()));
        }
        return switch (key) {
            case "node.id" -> node.id().value();
            case "node.hostname" -> node.hostname();
            case "node.ip" -> node.address();
            case "node.role" -> node.role().name();
            case "node.platform.os" -> node.platform().os();
            case "node.platform.arch" -> Platform.normalArchitecture(node.platform().architecture());
            default -> null;
        };
    }
}
