package dev.starling.node.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** deploy/starling.yml is the documentation of the configuration, so it has to be complete and true. */
class ConfigDocumentationTest {
    private static final Path EXAMPLE = Path.of(System.getProperty("basedir", ".")).resolve("../deploy/starling.yml").normalize();
    private static final Pattern SHOWN_KEY = Pattern.compile("(?m)^#([a-z-]+):");

    @Test
    void theExampleIsAValidFileAndChangesNothing() {
        NodeConfig config = ConfigLoader.load(EXAMPLE);
        assertEquals(NodeConfig.defaults(config.name()), config);
    }

    @Test
    void theExamplesLoad() {
        NodeConfig edge = ConfigLoader.load(EXAMPLE.resolveSibling("../examples/edge-node.yml").normalize());
        assertEquals(Profile.WAN, edge.profile());
        assertEquals(2, edge.joining().joinAddresses().size());
    }

    @Test
    void theValuesShownAreTheDefaults() throws IOException {
        String uncommented = SHOWN_KEY.matcher(Files.readString(EXAMPLE)).replaceAll("$1:");
        NodeConfig shown = ConfigLoader.parse("starling.yml", uncommented);
        NodeConfig defaults = ConfigLoader.parse("starling.yml", "name: " + shown.name() + "\nadvertise: " + shown.addresses().advertise());
        assertEquals(defaults, shown);
    }

    @Test
    void everyKeyIsInTheRecordTheLoaderAndTheExampleInOneOrder() throws IOException {
        List<String> components = Arrays.stream(NodeConfig.class.getRecordComponents())
                .flatMap(component -> component.getType().getDeclaringClass() == NodeConfig.class
                        ? Arrays.stream(component.getType().getRecordComponents()) : Stream.of(component))
                .map(RecordComponent::getName)
                .map(name -> name.replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT))
                .collect(Collectors.toList());
        List<String> shown = SHOWN_KEY.matcher(Files.readString(EXAMPLE)).results().map((MatchResult match) -> match.group(1)).toList();
        assertEquals(ConfigLoader.KEYS, components);
        assertEquals(ConfigLoader.KEYS, shown);
    }
}
