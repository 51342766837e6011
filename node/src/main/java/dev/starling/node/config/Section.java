package dev.starling.node.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * One mapping of a YAML file, read key by key with the line of each kept, so that every complaint can say
 * {@code starling.yml:12: key 'seeds': ...}. Scalars are taken as the text that was written: {@code off} stays "off".
 */
final class Section {
    private final String file;
    private final String prefix;
    private final Map<String, NodeTuple> entries = new LinkedHashMap<>();

    private Section(String file, String prefix) {
        this.file = file;
        this.prefix = prefix;
    }

    /** @param known the keys this mapping may have; null where any will do */
    static Section of(String file, String prefix, Node node, Collection<String> known) {
        Section section = new Section(file, prefix);
        if (!(node instanceof MappingNode mapping)) {
            throw section.complaint(node, "expected 'key: value' lines, got " + kindOf(node));
        }
        for (NodeTuple entry : mapping.getValue()) {
            Node keyNode = entry.getKeyNode();
            if (!(keyNode instanceof ScalarNode scalar)) {
                throw section.complaint(keyNode, "a key must be plain text, got " + kindOf(keyNode));
            }
            String key = scalar.getValue();
            if (known != null && !known.contains(key)) {
                String nearest = Spelling.nearest(key, known);
                throw section.complaint(keyNode, "key '" + prefix + key + "': unknown; "
                        + (nearest == null ? "the keys are " + String.join(", ", known) : "did you mean '" + prefix + nearest + "'?"));
            }
            NodeTuple earlier = section.entries.putIfAbsent(key, entry);
            if (earlier != null) {
                throw section.complaint(keyNode, "key '" + prefix + key + "': already given in line " + lineOf(earlier.getKeyNode()));
            }
        }
        return section;
    }

    /** The value of a key as {@code parse} understands it; {@code absent} where the key is missing or empty. */
    <T> T read(String key, T absent, Function<String, T> parse) {
        Node node = value(key);
        return node == null ? absent : parsed(key, node, parse);
    }

    <T> List<T> readList(String key, Function<String, T> parse) {
        Node node = value(key);
        if (node == null) {
            return List.of();
        }
        if (!(node instanceof SequenceNode sequence)) {
            throw wrong(key, node, "expected a list ('[a, b]' or lines of '- a'), got " + kindOf(node));
        }
        List<T> values = new ArrayList<>();
        for (Node element : sequence.getValue()) {
            values.add(parsed(key, element, parse));
        }
        return values;
    }

    Map<String, String> readMap(String key) {
        Section inner = readSection(key, null);
        Map<String, String> values = new LinkedHashMap<>();
        if (inner != null) {
            inner.entries.keySet().forEach(name -> values.put(name, inner.read(name, "", Function.identity())));
        }
        return values;
    }

    /** The mapping below a key; null where there is none. */
    Section readSection(String key, Collection<String> known) {
        Node node = value(key);
        if (node == null) {
            return null;
        }
        if (!(node instanceof MappingNode)) {
            throw wrong(key, node, "expected a mapping ('{a: b}' or indented lines of 'a: b'), got " + kindOf(node));
        }
        return of(file, prefix + key + ".", node, known);
    }

    /** The keys of a mapping that may have any. */
    List<String> keys() {
        return List.copyOf(entries.keySet());
    }

    boolean has(String key) {
        return value(key) != null;
    }

    /** A complaint about a key that is there: its value alone is fine, but not together with others. */
    ConfigException complaintAbout(String key, String problem) {
        return wrong(key, entries.get(key).getKeyNode(), problem);
    }

    private Node value(String key) {
        NodeTuple entry = entries.get(key);
        if (entry == null) {
            return null;
        }
        Node node = entry.getValueNode();
        boolean empty = node instanceof ScalarNode scalar && scalar.isPlain() && scalar.getValue().isEmpty();
        return empty ? null : node;
    }

    private <T> T parsed(String key, Node node, Function<String, T> parse) {
        if (!(node instanceof ScalarNode scalar)) {
            throw wrong(key, node, "expected one value, got " + kindOf(node));
        }
        try {
            return parse.apply(scalar.getValue());
        } catch (IllegalArgumentException e) {
            throw new ConfigException(wrong(key, node, e.getMessage()).getMessage(), e);
        }
    }

    private ConfigException wrong(String key, Node node, String problem) {
        return complaint(node, "key '" + prefix + key + "': " + problem);
    }

    private ConfigException complaint(Node node, String text) {
        return new ConfigException(file + ":" + lineOf(node) + ": " + text);
    }

    private static int lineOf(Node node) {
        return node.getStartMark().getLine() + 1;
    }

    private static String kindOf(Node node) {
        return switch (node.getNodeId()) {
            case mapping -> "a mapping";
            case sequence -> "a list";
            case scalar -> "'" + ((ScalarNode) node).getValue() + "'";
            case anchor -> "an alias";
        };
    }
}
