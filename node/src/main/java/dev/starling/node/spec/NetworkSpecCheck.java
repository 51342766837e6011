package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.AddressText;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The gate for {@code docker network create}: checks the request and fills in the subnets and the VXLAN id.
 *
 * <p>Both are picked from a starting point that is a hash of the network's name and of this node, and not counted up from the lowest as
 * Docker does: two sides of a partition that each create a network would otherwise always pick the same ones, and clash when they meet.
 */
public final class NetworkSpecCheck {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}");
    private static final Subnet POOL = Subnet.parse("10.0.0.0/8");
    private static final int PICKED_PREFIX = 24;
    /** Docker's first. Below it is room for networks that people number by hand. */
    private static final int FIRST_VNI = 4096;
    private static final int VNI_COUNT = (1 << 24) - FIRST_VNI;
    private static final int LEAST_PREFIX = 8;
    private static final int GREATEST_PREFIX = 29;

    private static final SupportedFields FIELDS = new SupportedFields("""
            Name string
            CheckDuplicate boolean
            Driver = overlay
            Scope = swarm
            EnableIPv4 boolean
            EnableIPv6 boolean
            Attachable boolean
            Internal boolean
            IPAM.Driver = default
            IPAM.Config[].Subnet string
            IPAM.Config[].Gateway string
            Options.encrypted string
            Options.com.docker.network.driver.mtu string
            Labels map
            """);

    private final ClusterSnapshot snapshot;

    public NetworkSpecCheck(ClusterSnapshot snapshot) {
        this.snapshot = snapshot;
    }

    /**
     * @return the spec to store: the request with {@code IPAM.Config} of one subnet and gateway for IPv4, then one for IPv6 where it is on, and {@code VxlanId}
     * @throws SpecException INVALID, FORBIDDEN (a reserved name, a subnet that is taken) or NOT_SUPPORTED
     */
    public ObjectNode accept(JsonNode request) {
        if (request.path("Driver").asText("").isEmpty() || request.path("Driver").asText().equals("bridge")) {
            throw SpecException.notSupported("a network of driver \"bridge\" (use --driver overlay)");
        }
        if (request.path("EnableIPv4").isBoolean() && !request.path("EnableIPv4").booleanValue()) {
            throw SpecException.notSupported("a network without IPv4");
        }
        FIELDS.check(request);
        String name = request.path("Name").asText("");
        if (!NAME.matcher(name).matches()) {
            throw SpecException.invalid("Name: invalid network name \"" + name + "\"");
        }
        if (Set.of("bridge", "host", "none", "ingress").contains(name)) {
            throw SpecException.forbidden("operation is not permitted on predefined " + name + " network");
        }
        checkEncryption(request);
        checkMtu(request.path("Options").path(NetworkSpecReader.MTU_OPTION));
        ObjectNode result = request.deepCopy();
        result.remove("CheckDuplicate");
        ObjectNode ipam = result.path("IPAM") instanceof ObjectNode given ? given : result.putObject("IPAM");
        ipam.put("Driver", "default");
        JsonNode asked = only(ipam.path("Config"), false);
        JsonNode askedIpv6 = only(ipam.path("Config"), true);
        Subnet subnet = asked.has("Subnet") ? asked(asked) : picked(name);
        ObjectNode config = JsonNodeFactory.instance.objectNode().put("Subnet", subnet.toString()).put("Gateway", gateway(asked, subnet));
        ArrayNode configs = ipam.putArray("Config").add(config);
        result.put("VxlanId", pickedVni(name));
        if (request.path("EnableIPv6").asBoolean(false)) {
            OverlayNetwork ipv4 = new OverlayNetwork("", 0, subnet.toString(), config.path("Gateway").asText(), false, 0);
            configs.add(NetworkIpv6.config(askedIpv6, ipv4, networks(), attempt -> hex(name, "ipv6 subnet " + attempt)));
        } else if (!askedIpv6.isMissingNode()) {
            throw SpecException.invalid("IPAM.Config: the IPv6 subnet " + askedIpv6.path("Subnet").asText() + " needs --ipv6");
        }
        return result;
    }

    /** The entry of a family; Docker knows entries without a subnet too, which are IPv4's. */
    private static JsonNode only(JsonNode configs, boolean ipv6) {
        JsonNode found = MissingNode.getInstance();
        for (JsonNode config : configs) {
            if (AddressText.isIpv6(config.path("Subnet").asText("")) == ipv6) {
                if (!found.isMissingNode()) {
                    throw SpecException.notSupported("IPAM.Config: more than one " + (ipv6 ? "IPv6" : "IPv4") + " subnet");
                }
                found = config;
            }
        }
        return found;
    }

    private Subnet asked(JsonNode config) {
        Subnet subnet;
        try {
            subnet = Subnet.parse(config.path("Subnet").asText());
        } catch (IllegalArgumentException e) {
            throw SpecException.invalid("IPAM.Config[0].Subnet: invalid subnet: " + e.getMessage());
        }
        if (subnet.prefix() < LEAST_PREFIX || subnet.prefix() > GREATEST_PREFIX) {
            throw SpecException.invalid("IPAM.Config[0].Subnet: the prefix length must be " + LEAST_PREFIX + " to " + GREATEST_PREFIX
                    + ", got " + subnet);
        }
        for (Document other : networks()) {
            NetworkSpecReader.overlay(other).map(overlay -> Subnet.parse(overlay.subnet())).filter(subnet::overlaps).ifPresent(taken -> {
                throw SpecException.forbidden("Pool overlaps with other one on this address space: " + subnet + " and " + taken
                        + " of network " + other.name());
            });
        }
        return subnet;
    }

    private static String gateway(JsonNode config, Subnet subnet) {
        String gateway = config.path("Gateway").asText("");
        if (gateway.isEmpty()) {
            return subnet.firstHost();
        }
        try {
            if (subnet.contains(Subnet.address(gateway))) {
                return gateway;
            }
        } catch (IllegalArgumentException e) {
            throw SpecException.invalid("IPAM.Config[0].Gateway: " + e.getMessage());
        }
        throw SpecException.invalid("IPAM.Config[0].Gateway: " + gateway + " is not in the subnet " + subnet);
    }

    private Subnet picked(String name) {
        List<Subnet> taken = networks().stream().flatMap(other -> NetworkSpecReader.overlay(other).stream())
                .map(overlay -> Subnet.parse(overlay.subnet())).toList();
        List<Subnet> hosts = snapshot.reports().values().stream().map(NodeReport::address).filter(NetworkSpecCheck::isIpv4)
                .map(address -> new Subnet(Subnet.address(address) & 0xffff_0000L, 16)).toList();
        int count = 1 << (PICKED_PREFIX - POOL.prefix());
        int start = Math.floorMod(hash(name, "subnet"), count);
        for (int i = 0; i < count; i++) {
            Subnet candidate = new Subnet(POOL.base() + ((long) ((start + i) % count) << (32 - PICKED_PREFIX)), PICKED_PREFIX);
            if (taken.stream().noneMatch(candidate::overlaps) && hosts.stream().noneMatch(candidate::overlaps)) {
                return candidate;
            }
        }
        throw SpecException.invalid("could not find an available, non-overlapping IPv4 address pool in " + POOL);
    }

    private int pickedVni(String name) {
        Set<Integer> taken = new HashSet<>();
        networks().forEach(other -> taken.add(other.spec().path("VxlanId").asInt(0)));
        int start = Math.floorMod(hash(name, "vxlan"), VNI_COUNT);
        for (int i = 0; i < VNI_COUNT; i++) {
            int candidate = FIRST_VNI + (start + i) % VNI_COUNT;
            if (!taken.contains(candidate)) {
                return candidate;
            }
        }
        throw SpecException.invalid("all VXLAN ids are taken");
    }

    private List<Document> networks() {
        return snapshot.documents().getOrDefault(Kind.NETWORK, List.of());
    }

    private int hash(String name, String purpose) {
        return (int) Long.parseLong(hex(name, purpose).substring(0, 8), 16);
    }

    private String hex(String name, String purpose) {
        return CanonicalJson.sha256(name + "\n" + snapshot.self() + "\n" + purpose);
    }

    private void checkEncryption(JsonNode request) {
        if (!NetworkSpecReader.isEncrypted(request)) {
            return;
        }
        String value = request.path("Options").path(NetworkSpecReader.ENCRYPTED_OPTION).asText("");
        if (!value.isEmpty() && !value.equals("true")) {
            throw SpecException.invalid("Options.encrypted: leave it out for a network in the clear; must be empty or \"true\", got \"" + value + "\"");
        }
        if (snapshot.encryption().isEmpty()) {
            throw SpecException.notSupported("an encrypted network (--opt encrypted) in a cluster in which no node's kernel has ESP (docker info says what it lacks)");
        }
    }

    private static void checkMtu(JsonNode option) {
        String text = option.asText("");
        if (!text.isEmpty() && !(text.matches("[0-9]{1,5}") && Integer.parseInt(text) >= 576 && Integer.parseInt(text) <= 65485)) {
            throw SpecException.invalid("Options." + NetworkSpecReader.MTU_OPTION + ": must be 576 to 65485, got \"" + text + "\"");
        }
    }

    private static boolean isIpv4(String address) {
        return address.matches("[0-9]+(\\.[0-9]+){3}");
    }
}
