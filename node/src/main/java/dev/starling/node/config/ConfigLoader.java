package dev.starling.node.config;

import dev.starling.gossip.Endpoint;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.Resources;
import java.io.IOException;
import java.io.StringReader;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.Node;

/**
 * Reads starling.yml strictly. A mistyped key that is passed over costs its owner an evening, so nothing is: a key that
 * is not known, given twice, of the wrong shape or out of range ends the start with its line and a hint.
 */
public final class ConfigLoader {
    /** The keys of the file, in the order in which deploy/starling.yml explains them. */
    static final List<String> KEYS = List.of("name", "data-dir", "api-socket", "listen", "advertise", "join-listen", "seeds",
            "join-token", "join-token-file", "join-addresses", "metrics", "container-metrics", "labels", "resources", "generic-resources", "conditions",
            "profile", "gossip", "cgroup-parent", "log-level", "logs", "registries", "images", "network-key-renewal", "overlay", "runtime");
    static final List<String> RESOURCE_KEYS = List.of("cpus", "memory");
    static final String TOKEN_PREFIX = "SWMTKN-1-";

    private static final int MAX_FILE_BYTES = 1 << 20;
    private static final int MAX_NESTING = 16;
    private static final Duration LEAST_RENEWAL = Duration.ofSeconds(1);
    private static final Duration MOST_RENEWAL = Duration.ofDays(30);
    /** {@code sun_path} of sockaddr_un has 108 bytes, the last of them 0 (unix(7)). */
    private static final int MAX_SOCKET_PATH_BYTES = 107;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?");
    private static final Pattern CGROUP = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.:-]*(/[A-Za-z0-9][A-Za-z0-9_.:-]*)*");
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,12})\\s*([kmgt]?)(i?b)?");

    /** @throws ConfigException where the file cannot be read, or says something that is not understood */
    public static NodeConfig load(Path file) {
        String text;
        try {
            if (Files.size(file) > MAX_FILE_BYTES) {
                throw new ConfigException(file + ": larger than " + MAX_FILE_BYTES + " bytes");
            }
            text = Files.readString(file);
        } catch (IOException e) {
            throw new ConfigException(file + ": cannot be read: " + IoReason.of(e), e);
        }
        return parse(file.toString(), text);
    }

    static NodeConfig parse(String file, String text) {
        Node root = compose(file, text);
        if (root == null) {
            return NodeConfig.defaults(hostName());
        }
        return read(Section.of(file, "", root, KEYS));
    }

    private static Node compose(String file, String text) {
        LoaderOptions options = new LoaderOptions();
        options.setCodePointLimit(MAX_FILE_BYTES);
        options.setNestingDepthLimit(MAX_NESTING);
        options.setMaxAliasesForCollections(0);
        try {
            return new Yaml(options).compose(new StringReader(text));
        } catch (MarkedYAMLException e) {
            Mark mark = e.getProblemMark();
            throw new ConfigException(file + (mark == null ? "" : ":" + (mark.getLine() + 1)) + ": not YAML: " + e.getProblem(), e);
        } catch (YAMLException e) {
            throw new ConfigException(file + ": not YAML: " + e.getMessage(), e);
        }
    }

    private static NodeConfig read(Section s) {
        String name = s.has("name") ? s.read("name", null, ConfigLoader::nodeName) : hostName();
        NodeConfig defaults = NodeConfig.defaults(name);
        Profile profile = s.read("profile", defaults.profile(), oneOf(Profile.class));
        return new NodeConfig(
                name,
                s.read("data-dir", defaults.dataDir(), ConfigLoader::absolutePath),
                addresses(s, defaults.addresses()),
                joining(s),
                s.read("metrics", defaults.metrics(), ConfigLoader::metrics),
                s.read("container-metrics", defaults.containerMetrics(), ConfigLoader::onOff),
                new NodeConfig.Offer(s.readMap("labels"), resources(s.readSection("resources", RESOURCE_KEYS)), genericResources(s),
                        ConditionSettings.read(s.readSection("conditions", ConditionSettings.KEYS))),
                profile,
                GossipSection.read(s.readSection("gossip", GossipSection.KEYS), profile.gossip()),
                s.read("cgroup-parent", defaults.cgroupParent(), ConfigLoader::cgroup),
                s.read("log-level", defaults.logLevel(), oneOf(LogLevel.class)),
                LogSettings.read(s.readSection("logs", LogSettings.KEYS)),
                RegistriesSection.read(s.readSection("registries", RegistriesSection.KEYS)),
                ImagesSection.read(s.readSection("images", ImagesSection.KEYS)),
                s.read("network-key-renewal", defaults.networkKeyRenewal(), ConfigLoader::renewal),
                OverlaySettings.read(s.readSection("overlay", OverlaySettings.KEYS)),
                RuntimeChoice.read(s.readSection("runtime", RuntimeChoice.KEYS)));
    }

    private static NodeConfig.Addresses addresses(Section s, NodeConfig.Addresses defaults) {
        Endpoint listen = s.read("listen", defaults.listen(), endpoint(NodeConfig.GOSSIP_PORT));
        return new NodeConfig.Addresses(
                s.read("api-socket", defaults.apiSocket(), ConfigLoader::socketPath),
                listen,
                s.read("advertise", defaults.advertise(), reachable(listen.port())),
                s.read("join-listen", defaults.joinListen(), endpoint(NodeConfig.JOIN_PORT)),
                s.readList("seeds", reachable(NodeConfig.GOSSIP_PORT)));
    }

    private static NodeConfig.Joining joining(Section s) {
        NodeConfig.Joining joining = new NodeConfig.Joining(
                s.read("join-token", null, ConfigLoader::token),
                s.read("join-token-file", null, ConfigLoader::absolutePath),
                s.readList("join-addresses", reachable(NodeConfig.JOIN_PORT)));
        check(s, joining);
        return joining;
    }

    private static boolean onOff(String text) {
        return switch (text) {
            case "on" -> true;
            case "off" -> false;
            default -> throw new IllegalArgumentException("'" + text + "' is neither on nor off");
        };
    }

    private static Duration renewal(String text) {
        Duration period = GossipSection.duration(text);
        if (period.compareTo(LEAST_RENEWAL) < 0 || period.compareTo(MOST_RENEWAL) > 0) {
            throw new IllegalArgumentException("must be 1s to 720h, got " + text);
        }
        return period;
    }

    private static GenericResources genericResources(Section s) {
        List<GenericResourceList.Entry> entries = s.readList("generic-resources", GenericResourceList::entry);
        try {
            return GenericResourceList.of(entries);
        } catch (IllegalArgumentException e) {
            throw s.complaintAbout("generic-resources", e.getMessage());
        }
    }

    private static Resources resources(Section s) {
        return s == null ? Resources.NONE : new Resources(s.read("cpus", 0L, ConfigLoader::nanoCpus), s.read("memory", 0L, ConfigLoader::bytes));
    }

    private static void check(Section section, NodeConfig.Joining joining) {
        if (joining.joinToken() != null && joining.joinTokenFile() != null) {
            throw section.complaintAbout("join-token-file", "give 'join-token' or 'join-token-file', not both");
        }
        boolean hasToken = joining.joinToken() != null || joining.joinTokenFile() != null;
        if (hasToken && !joining.isUnattended()) {
            throw section.complaintAbout(joining.joinToken() != null ? "join-token" : "join-token-file",
                    "needs 'join-addresses': the nodes to ask");
        }
        if (!hasToken && joining.isUnattended()) {
            throw section.complaintAbout("join-addresses", "needs 'join-token' or 'join-token-file'");
        }
    }

    /** As the kernel tells it: unlike a look-up by resolver it is right in a UTS namespace and needs no network. */
    private static String hostName() {
        try {
            return nodeName(Files.readString(Path.of("/proc/sys/kernel/hostname")).strip());
        } catch (IOException | IllegalArgumentException e) {
            throw new ConfigException("key 'name': not given, and the host name cannot stand in for it: " + e.getMessage(), e);
        }
    }

    private static String nodeName(String text) {
        if (!NAME.matcher(text).matches()) {
            throw new IllegalArgumentException("'" + text + "' is not a name of 1 to 63 letters, digits, '.', '_' and '-'");
        }
        return text;
    }

    static Path absolutePath(String text) {
        Path path = Path.of(text).normalize();
        if (!path.isAbsolute()) {
            throw new IllegalArgumentException("'" + text + "' is not an absolute path");
        }
        return path;
    }

    private static Path socketPath(String text) {
        Path path = absolutePath(text);
        int length = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (length > MAX_SOCKET_PATH_BYTES) {
            throw new IllegalArgumentException("the path of a socket has at most " + MAX_SOCKET_PATH_BYTES + " bytes, this has " + length);
        }
        return path;
    }

    private static Function<String, Endpoint> endpoint(int defaultPort) {
        return text -> Endpoint.parse(text, defaultPort);
    }

    /** An address that others can be sent to, so not the wildcard. */
    private static Function<String, Endpoint> reachable(int defaultPort) {
        return text -> {
            Endpoint endpoint = Endpoint.parse(text, defaultPort);
            if (AdvertiseAddress.isWildcard(endpoint.host())) {
                throw new IllegalArgumentException("'" + text + "' is no address that another node can reach");
            }
            return endpoint;
        };
    }

    private static Endpoint metrics(String text) {
        return text.equals("off") ? null : Endpoint.parse(text, NodeConfig.METRICS_PORT);
    }

    private static String token(String text) {
        if (!text.startsWith(TOKEN_PREFIX)) { // the text itself is a secret and stays out of the message
            throw new IllegalArgumentException("not a join token; one begins with '" + TOKEN_PREFIX + "' (docker swarm join-token worker)");
        }
        return text;
    }

    private static String cgroup(String text) {
        if (!CGROUP.matcher(text).matches()) {
            throw new IllegalArgumentException("'" + text + "' is not a relative cgroup path such as 'starling' or 'edge/starling'");
        }
        return text;
    }

    static <E extends Enum<E>> Function<String, E> oneOf(Class<E> type) {
        return text -> Arrays.stream(type.getEnumConstants())
                .filter(constant -> written(constant).equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("'" + text + "' is none of "
                        + String.join(", ", Arrays.stream(type.getEnumConstants()).map(ConfigLoader::written).toList())));
    }

    private static String written(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static long nanoCpus(String text) {
        BigDecimal cpus;
        try {
            cpus = new BigDecimal(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is not a number of CPUs such as 4 or 0.5", e);
        }
        if (cpus.compareTo(new BigDecimal("0.01")) < 0 || cpus.compareTo(BigDecimal.valueOf(100_000)) > 0) {
            throw new IllegalArgumentException("must be 0.01 to 100000 CPUs, got " + text);
        }
        return cpus.movePointRight(9).longValue();
    }

    static long bytes(String text) {
        Matcher size = SIZE.matcher(text.toLowerCase(Locale.ROOT));
        if (!size.matches() || size.group(2).isEmpty() && size.group(3) != null && !size.group(3).equals("b")) {
            throw new IllegalArgumentException("'" + text + "' is not an amount of memory such as 512m or 4g");
        }
        int shift = Map.of("", 0, "k", 10, "m", 20, "g", 30, "t", 40).get(size.group(2));
        long count = Long.parseLong(size.group(1));
        if (count == 0 || count > Long.MAX_VALUE >> shift + 1) {
            throw new IllegalArgumentException("'" + text + "' is out of range");
        }
        return count << shift;
    }

    private ConfigLoader() {}
}
