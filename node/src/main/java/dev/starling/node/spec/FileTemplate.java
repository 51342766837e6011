package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.scheduler.model.Task;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A config or secret that was made with {@code --template-driver golang}: each task finds it filled in. Besides what {@link Placeholders} has it may say
 * {@code {{env "NAME"}}}, and {@code {{secret "TARGET"}}} and {@code {{config "TARGET"}}} of files of the same task, which come as they are, not filled in
 * themselves. Anything else of Go's template language is refused when the config is made.
 *
 * <p>Works on bytes: a secret that is put in may be no text.
 */
public final class FileTemplate {
    /** A file filled in; one may name a secret a thousand times. */
    static final int MAX_BYTES = 4 << 20;
    private static final Pattern FUNCTION = Pattern.compile("(env|secret|config)\\s+\"([^\"]*)\"");
    private static final String SUPPORTED = "of Go's template language only {{.Service.Name}} and its like, {{index .Service.Labels \"KEY\"}}, {{env \"NAME\"}}, "
            + "{{secret \"TARGET\"}} and {{config \"TARGET\"}} are supported";

    private final Placeholders placeholders;
    private final Map<String, String> environment = new HashMap<>();
    private final BiFunction<Kind, String, byte[]> files;

    private FileTemplate(Placeholders placeholders, Iterable<String> variables, BiFunction<Kind, String, byte[]> files) {
        this.placeholders = placeholders;
        this.files = files;
        for (String variable : variables) {
            int end = variable.indexOf('=');
            if (end > 0) {
                environment.put(variable.substring(0, end), placeholders.fill(variable.substring(end + 1)));
            }
        }
    }

    /** @param files the content of a file of the task, by its kind and path in the container; null where it has none */
    public static FileTemplate of(Document service, Task task, TaskTemplate template, NodeReport node, SortedMap<String, String> nodeLabels,
            BiFunction<Kind, String, byte[]> files) {
        return new FileTemplate(Placeholders.of(service, task, node, nodeLabels), JsonValues.strings(template.container().path("Env")), files);
    }

    /** Whether the config or secret with {@code spec} is one. */
    public static boolean isTemplate(JsonNode spec) {
        return spec.path("Templating").path("Name").asText("").equals("golang");
    }

    /** @throws SpecException NOT_SUPPORTED or INVALID; without a word of the content, which may be secret */
    static void check(byte[] content) {
        String text = transparent(content);
        Matcher matcher = Placeholders.ACTION.matcher(text);
        int end = 0;
        while (matcher.find()) {
            String action = action(matcher);
            if (!Placeholders.isKnown(action) && !FUNCTION.matcher(action).matches()) {
                throw SpecException.notSupported("Data, line " + line(content, matcher.start()) + ": " + SUPPORTED + "; what stands there");
            }
            end = matcher.end();
        }
        int open = text.indexOf("{{", end);
        if (open >= 0) {
            throw SpecException.invalid("Data, line " + line(content, open) + ": the template does not end");
        }
    }

    private static int line(byte[] content, int offset) {
        int line = 1;
        for (int i = 0; i < offset; i++) {
            line += content[i] == '\n' ? 1 : 0;
        }
        return line;
    }

    /** @throws IllegalArgumentException where it names a file that the task has not, or comes to be too large */
    public byte[] fill(byte[] content) {
        ByteArrayOutputStream filled = new ByteArrayOutputStream(content.length);
        Matcher matcher = Placeholders.ACTION.matcher(transparent(content));
        int end = 0;
        while (matcher.find()) {
            filled.write(content, end, matcher.start() - end);
            filled.writeBytes(value(action(matcher)));
            end = matcher.end();
            if (filled.size() > MAX_BYTES) {
                throw new IllegalArgumentException("filled in it has more than " + (MAX_BYTES >> 20) + " MiB");
            }
        }
        filled.write(content, end, content.length - end);
        return filled.toByteArray();
    }

    private byte[] value(String action) {
        Matcher function = FUNCTION.matcher(action);
        if (!function.matches()) {
            return placeholders.value(action).getBytes(StandardCharsets.UTF_8);
        }
        String name = function.group(2);
        return switch (function.group(1)) {
            case "env" -> environment.getOrDefault(name, "").getBytes(StandardCharsets.UTF_8);
            case "secret" -> file(Kind.SECRET, name);
            default -> file(Kind.CONFIG, name);
        };
    }

    private byte[] file(Kind kind, String target) {
        byte[] content = files.apply(kind, FileReference.path(kind, target));
        if (content == null) {
            throw new IllegalArgumentException("it names the " + (kind == Kind.SECRET ? "secret" : "config") + " target " + target + ", which the service does not have");
        }
        return content;
    }

    private static String action(Matcher matcher) {
        return new String(matcher.group(1).getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8).strip();
    }

    /** One character for each byte. */
    private static String transparent(byte[] content) {
        return new String(content, StandardCharsets.ISO_8859_1);
    }
}
