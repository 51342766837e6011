package dev.starling.node.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.GossipConfig;
import dev.starling.runtime.UserNamespace;
import dev.starling.runtime.image.CollectionPolicy;
import dev.starling.runtime.registry.RegistrySettings;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.Resources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Given a file, then this configuration; given a mistake, then its line, its key and a hint. */
class ConfigLoaderTest {
    private static NodeConfig parse(String text) {
        return ConfigLoader.parse("starling.yml", text);
    }

    @Test
    void anEmptyFileGivesTheDefaults() {
        NodeConfig config = parse("# nothing here\n");
        assertEquals(NodeConfig.defaults(config.name()), config);
        assertFalse(config.name().isEmpty());
        assertEquals(config, parse("name:\nseeds:\nlabels:\nresources:\n"), "a key without a value is as if it were absent");
    }

    @Test
    void everyKeyIsRead() {
        NodeConfig config = parse("""
                name: n1
                data-dir: /srv/starling/../starling
                api-socket: /run/s.sock
                listen: 10.0.0.1
                advertise: "[fd00::1]"
                join-listen: 10.0.0.1:2000
                seeds: [10.0.0.2, "10.0.0.3:99", seed.example.net]
                join-token: SWMTKN-1-abc-def
                join-addresses:
                  - 10.0.0.2
                metrics: off
                labels: {site: berlin, rack: 7, ssd: yes}
                profile: wan
                cgroup-parent: edge/starling
                log-level: debug
                resources: {cpus: 1.5, memory: 512MiB}
                overlay: {address: 10.0.0.7, udp-port: 4501, udp-advertise: 203.0.113.9}
                runtime: {name: crun, path: /opt/crun, user-namespace: {first: 300000, size: 1000}}
                conditions: {link-cost: 3, temperature: off}
                logs: {bytes-per-hour: 20m}
                """);
        assertEquals(new NodeConfig("n1", Path.of("/srv/starling"),
                new NodeConfig.Addresses(Path.of("/run/s.sock"), new Endpoint("10.0.0.1", 7946), new Endpoint("fd00::1", 7946), new Endpoint("10.0.0.1", 2000),
                        List.of(new Endpoint("10.0.0.2", 7946), new Endpoint("10.0.0.3", 99), new Endpoint("seed.example.net", 7946))),
                new NodeConfig.Joining("SWMTKN-1-abc-def", null, List.of(new Endpoint("10.0.0.2", 2377))), null, true,
                new NodeConfig.Offer(Map.of("site", "berlin", "rack", "7", "ssd", "yes"), new Resources(1_500_000_000L, 512L << 20), GenericResources.NONE,
                        new ConditionSettings(3, true, false)),
                Profile.WAN, Profile.WAN.gossip(), "edge/starling", LogLevel.DEBUG, new LogSettings(20 << 20), RegistrySettings.DEFAULTS,
                CollectionPolicy.DEFAULTS, Duration.ofHours(12), new OverlaySettings("10.0.0.7", 4501, new Endpoint("203.0.113.9", 4501)),
                new RuntimeChoice(RuntimeChoice.Name.CRUN, Path.of("/opt/crun"), new UserNamespace(300000, 1000))), config);
        assertEquals("SWMTKN-1-abc-def", config.joining().readToken());
    }

    @Test
    void whenImagesGoCanBeSet() {
        assertEquals(new CollectionPolicy(Duration.ofDays(30), 70, 60, CollectionPolicy.DEFAULTS.leastUnused()),
                parse("images: {unused-for: 30d, disk-high: 70%, disk-low: 60}").images());
        assertEquals(new CollectionPolicy(Duration.ofHours(2), 100, 80, CollectionPolicy.DEFAULTS.leastUnused()),
                parse("images: {unused-for: 2h, disk-high: off}").images());
        assertEquals(50, parse("images: {disk-high: 50}").images().lowPercent(), "the default of disk-low gives way");
        assertFalse(parse("container-metrics: off").containerMetrics());
        assertEquals("fd00:30::1", parse("overlay: {address: 'fd00:30::1'}").overlay().address());
        assertEquals(LogSettings.DEFAULTS, parse("logs: {bytes-per-hour: off}").logs());
    }

    @Test
    void everyParameterOfGossipCanBeSet() {
        NodeConfig config = parse("""
                profile: wan
                gossip:
                  probe-interval: 700ms
                  probe-timeout: 250ms
                  indirect-probes: 4
                  suspicion-min: 3s
                  suspicion-max-factor: 5
                  awareness-max: 6
                  sync-interval: 1m
                  push-fanout: 7
                  seed-retry: 9s
                  max-message-bytes: 1m
                """);
        assertEquals(new GossipConfig(Duration.ofMillis(700), Duration.ofMillis(250), 4, Duration.ofSeconds(3), 5, 6, Duration.ofMinutes(1), 7,
                Duration.ofSeconds(9), 1 << 20), config.gossip());
        assertEquals(GossipConfig.wan().withPushFanout(7), parse("gossip: {push-fanout: 7}\nprofile: wan").gossip(), "the rest is the profile's");
        assertEquals(GossipConfig.lan(), parse("").gossip());
    }

    /** The section, the record and the example name the same parameters in one order. */
    @Test
    void noParameterOfGossipIsForgotten() throws IOException {
        List<String> components = Arrays.stream(GossipConfig.class.getRecordComponents())
                .map(component -> component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT)).toList();
        assertEquals(GossipSection.KEYS, components);
        String example = Files.readString(Path.of(System.getProperty("basedir", ".")).resolve("../deploy/starling.yml"));
        List<String> shown = Pattern.compile("(?m)^#  ([a-z-]+): ").matcher(example).results().map(match -> match.group(1)).toList();
        assertEquals(components, shown);
        String section = example.lines().filter(line -> line.matches("#  [a-z-]+: .*")).map(line -> line.substring(1)).collect(Collectors.joining("\n"));
        assertEquals(GossipConfig.lan(), parse("gossip:\n" + section).gossip(), "the values shown are those of lan");
    }

    static Stream<Arguments> mistakes() {
        return Stream.of(
                Arguments.of("gossip:\n  probe-timeuot: 1s", "starling.yml:2: key 'gossip.probe-timeuot': unknown; did you mean 'gossip.probe-timeout'?"),
                Arguments.of("gossip: {probe-timeout: 300}", "starling.yml:1: key 'gossip.probe-timeout': '300' is not a time with its unit, such as 300ms or 2s"),
                Arguments.of("gossip: {probe-timeout: 2h}", "starling.yml:1: key 'gossip.probe-timeout': probeTimeout must be 1 ms to 1 h, got 7200000 ms"),
                Arguments.of("gossip: {push-fanout: 0}", "starling.yml:1: key 'gossip.push-fanout': pushFanout must be 1 to 1024, got 0"),
                Arguments.of("gossip: {push-fanout: many}", "starling.yml:1: key 'gossip.push-fanout': 'many' is not a whole number"),
                Arguments.of("gossip: {max-message-bytes: 1g}", "starling.yml:1: key 'gossip.max-message-bytes': maxMessageBytes must be 16384 to 4063232, got 1073741824"),
                Arguments.of("overlay: {address: n1.example}", "starling.yml:1: key 'overlay.address': 'n1.example' is no IPv4 or IPv6 address"),
                Arguments.of("overlay: {address: '::'}", "starling.yml:1: key 'overlay.address': '::' is no address that another node can reach"),
                Arguments.of("overlay: {udp-advertise: '[fd00:30::1]:4500'}",
                        "starling.yml:1: key 'overlay.udp-advertise': 'fd00:30::1' is no IPv4 address; ESP inside UDP goes by IPv4 only"),
                Arguments.of("name: a\ndata-dri: /x", "starling.yml:2: key 'data-dri': unknown; did you mean 'data-dir'?"),
                Arguments.of("zzzzzzzzz: 1", "starling.yml:1: key 'zzzzzzzzz': unknown; the keys are name, data-dir, "),
                Arguments.of("name: a\n\nname: b", "starling.yml:3: key 'name': already given in line 1"),
                Arguments.of("name: 'a b'", "starling.yml:1: key 'name': 'a b' is not a name of 1 to 63"),
                Arguments.of("name: [a]", "starling.yml:1: key 'name': expected one value, got a list"),
                Arguments.of("- a\n- b", "starling.yml:1: expected 'key: value' lines, got a list"),
                Arguments.of("just words", "starling.yml:1: expected 'key: value' lines, got 'just words'"),
                Arguments.of("data-dir: var", "starling.yml:1: key 'data-dir': 'var' is not an absolute path"),
                Arguments.of("data-dir: \"/a\\0b\"", "starling.yml:1: key 'data-dir': "),
                Arguments.of("api-socket: /" + "x".repeat(120), "starling.yml:1: key 'api-socket': the path of a socket has at most 107 bytes, this has 121"),
                Arguments.of("listen: 1.2.3.4:70000", "starling.yml:1: key 'listen': port must be 1 to 65535, got 70000"),
                Arguments.of("listen: 1.2.3.4:x", "starling.yml:1: key 'listen': address '1.2.3.4:x': 'x' is not a port number"),
                Arguments.of("advertise: 0.0.0.0", "starling.yml:1: key 'advertise': '0.0.0.0' is no address that another node can reach"),
                Arguments.of("seeds:\n  - 10.0.0.1\n  - '::'", "starling.yml:3: key 'seeds': '::' is no address"),
                Arguments.of("seeds: 10.0.0.1", "starling.yml:1: key 'seeds': expected a list"),
                Arguments.of("labels: [a]", "starling.yml:1: key 'labels': expected a mapping"),
                Arguments.of("labels:\n  a: [b]", "starling.yml:2: key 'labels.a': expected one value, got a list"),
                Arguments.of("metrics: never", ""), // a host name; resolved when bound
                Arguments.of("profile: metro", "starling.yml:1: key 'profile': 'metro' is none of local, lan, wan"),
                Arguments.of("log-level: loud", "starling.yml:1: key 'log-level': 'loud' is none of error, warn, info, debug, trace"),
                Arguments.of("cgroup-parent: ../x", "starling.yml:1: key 'cgroup-parent': '../x' is not a relative cgroup path"),
                Arguments.of("cgroup-parent: /x", "starling.yml:1: key 'cgroup-parent': '/x' is not a relative cgroup path"),
                Arguments.of("resources:\n  cpu: 1", "starling.yml:2: key 'resources.cpu': unknown; did you mean 'resources.cpus'?"),
                Arguments.of("resources: {cpus: many}", "starling.yml:1: key 'resources.cpus': 'many' is not a number of CPUs"),
                Arguments.of("resources: {cpus: -1}", "starling.yml:1: key 'resources.cpus': must be 0.01 to 100000 CPUs, got -1"),
                Arguments.of("resources: {memory: 1x}", "starling.yml:1: key 'resources.memory': '1x' is not an amount of memory"),
                Arguments.of("resources: {memory: 999999999999t}", "starling.yml:1: key 'resources.memory': '999999999999t' is out of range"),
                Arguments.of("logs: {bytes-per-hour: 200k}", "starling.yml:1: key 'logs.bytes-per-hour': must be at least 256k, or off, got 200k"),
                Arguments.of("join-token: SECRET", "starling.yml:1: key 'join-token': not a join token"),
                Arguments.of("join-token: SWMTKN-1-a", "starling.yml:1: key 'join-token': needs 'join-addresses'"),
                Arguments.of("join-addresses: [a]", "starling.yml:1: key 'join-addresses': needs 'join-token' or 'join-token-file'"),
                Arguments.of("join-token: SWMTKN-1-a\njoin-token-file: /t\njoin-addresses: [a]",
                        "starling.yml:2: key 'join-token-file': give 'join-token' or 'join-token-file', not both"),
                Arguments.of("name: 'a\nseeds: b", "starling.yml:2: not YAML: "),
                Arguments.of("name: a\n\tseeds: b", "starling.yml:2: not YAML: "),
                Arguments.of("a: &x {b: c}\nd: *x", "starling.yml: not YAML: Number of aliases"));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void aMistakeIsNamedWithItsLine(String text, String complaint) {
        if (complaint.isEmpty()) {
            parse(text);
            return;
        }
        String message = assertThrows(ConfigException.class, () -> parse(text)).getMessage();
        assertTrue(message.startsWith(complaint), message);
        assertFalse(message.contains("SECRET"), message);
    }

    @Property(tries = 300)
    void anyTextGivesAConfigurationOrAComplaint(@ForAll String text) {
        try {
            parse(text);
        } catch (ConfigException e) {
            assertTrue(e.getMessage().startsWith("starling.yml"), e.getMessage());
        }
    }

    @Test
    void genericResourcesAreNamedOrCounted() {
        NodeConfig config = parse("generic-resources: [gpu=UUID2, gpu=/dev/nvidia0, camera=2]");
        assertEquals(2, config.offer().genericResources().count("gpu"));
        assertEquals("[/dev/nvidia0, UUID2]", config.offer().genericResources().named().get("gpu").toString());
        assertEquals(2, config.offer().genericResources().count("camera"));
        for (String wrong : List.of("[gpu]", "[gpu=0]", "[gpu=1, gpu=A]", "[gpu=A, gpu=A]", "[gpu=2, gpu=2]", "[gpu=99999999]", "[a b=1]")) {
            String message = assertThrows(ConfigException.class, () -> parse("name: x\ngeneric-resources: " + wrong)).getMessage();
            assertTrue(message.startsWith("starling.yml:2: key 'generic-resources': "), message);
        }
    }

    @Test
    void aFileThatIsNotThereIsNamed(@TempDir Path dir) {
        Path missing = dir.resolve("none.yml");
        assertEquals(missing + ": cannot be read: no such file",
                assertThrows(ConfigException.class, () -> ConfigLoader.load(missing)).getMessage());
    }

    @Test
    void aFileThatIsTooLargeIsRefused(@TempDir Path dir) throws IOException {
        Path large = Files.writeString(dir.resolve("large.yml"), "#".repeat((1 << 20) + 1));
        assertTrue(assertThrows(ConfigException.class, () -> ConfigLoader.load(large)).getMessage().contains("larger than 1048576 bytes"));
    }

    @Test
    void theTokenFileIsReadWhenTheTokenIsNeeded(@TempDir Path dir) throws IOException {
        Path tokenFile = dir.resolve("token");
        NodeConfig config = parse("join-token-file: " + tokenFile + "\njoin-addresses: [10.0.0.1]");
        assertTrue(config.joining().isUnattended());
        assertNull(config.joining().joinToken());
        assertEquals("join-token-file " + tokenFile + ": no such file",
                assertThrows(ConfigException.class, config.joining()::readToken).getMessage());
        Files.writeString(tokenFile, "hello\n");
        assertTrue(assertThrows(ConfigException.class, config.joining()::readToken).getMessage().contains("holds no token"));
        Files.writeString(tokenFile, "SWMTKN-1-x-y\n");
        assertEquals("SWMTKN-1-x-y", config.joining().readToken());
    }
}
