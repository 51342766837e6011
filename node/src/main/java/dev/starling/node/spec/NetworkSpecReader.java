package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.netlink.Ipv6Subnet;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.NetworkSpec;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Takes from a stored network what the address plan and the kernel need. Never throws; empty where the document is not an overlay network
 * that this release can make (another driver, a subnet that is none, ...).
 */
public final class NetworkSpecReader {
    /** VXLAN over IPv4 takes 50 bytes of an Ethernet frame's 1500. */
    static final int DEFAULT_MTU = 1450;

    /** ESP takes 38 more at most: header, IV, padding and tag. UDP around it, for a node behind NAT that may come any day, 8 more. */
    static final int ENCRYPTED_MTU = 1404;

    static final String ENCRYPTED_OPTION = "encrypted";
    static final String MTU_OPTION = "com.docker.network.driver.mtu";

    public static Optional<NetworkSpec> fromBody(Document document) {
        return overlay(document).map(overlay ->
                new NetworkSpec(document.uid(), document.object().created(), overlay.subnet(), overlay.gateway(), overlay.encrypted()));
    }

    /** Docker goes by the option's presence. */
    public static boolean isEncrypted(JsonNode spec) {
        return spec.path("Options").has(ENCRYPTED_OPTION);
    }

    /** The ingress network's gateway is empty: each node has its own. */
    public static Optional<OverlayNetwork> overlay(Document document) {
        return overlay(document, 0);
    }

    /** @param lessRoom how much smaller its MTU is, unless the network says one, since more goes around its packets than with IPv4 */
    public static Optional<OverlayNetwork> overlay(Document document, int lessRoom) {
        JsonNode spec = document.spec();
        JsonNode config = spec.path("IPAM").path("Config").path(0);
        int vni = JsonValues.count(spec.path("VxlanId"), 0);
        if (!spec.path("Driver").asText("").equals("overlay") || vni < 1 || vni >= 1 << 24) {
            return Optional.empty();
        }
        try {
            Subnet subnet = Subnet.parse(config.path("Subnet").asText(""));
            boolean ingress = spec.path("Ingress").asBoolean(false);
            String gateway = ingress ? "" : JsonValues.string(config.path("Gateway"), subnet.firstHost());
            if (!ingress && !subnet.contains(Subnet.address(gateway))) {
                return Optional.empty();
            }
            boolean encrypted = isEncrypted(spec);
            int mtu = spec.path("Options").path(MTU_OPTION).asInt((encrypted ? ENCRYPTED_MTU : DEFAULT_MTU) - lessRoom);
            boolean internal = spec.path("Internal").asBoolean(false);
            return Optional.of(new OverlayNetwork(document.uid(), vni, subnet.toString(), gateway, internal, mtu, encrypted, ipv6Subnet(spec, subnet)));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** Those of {@code documents} that have IPv6, by uid. */
    public static Map<String, OverlayNetwork> withIpv6(List<Document> documents) {
        Map<String, OverlayNetwork> withIpv6 = new TreeMap<>();
        documents.forEach(document -> overlay(document).filter(OverlayNetwork::hasIpv6).ifPresent(network -> withIpv6.put(document.uid(), network)));
        return withIpv6;
    }

    /** Empty where there is none. */
    private static String ipv6Subnet(JsonNode spec, Subnet ipv4) {
        if (!spec.path("EnableIPv6").asBoolean(false)) {
            return "";
        }
        Ipv6Subnet subnet = Ipv6Subnet.parse(spec.path("IPAM").path("Config").path(1).path("Subnet").asText(""));
        if (subnet.prefix() > NetworkIpv6.greatestPrefix(ipv4.toString())) {
            throw new IllegalArgumentException(subnet + " has not the room of " + ipv4);
        }
        return subnet.toString();
    }

    private NetworkSpecReader() {}
}
