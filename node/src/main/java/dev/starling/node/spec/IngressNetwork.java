package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import java.util.List;
import java.util.Optional;

/**
 * The network over which published ports reach tasks on any node. The first write of a service that publishes a port brings it along. Its id, subnet
 * and VXLAN id are the same wherever that happens, so two sides of a partition make the same network and not two.
 */
public final class IngressNetwork {
    public static final String UID = "ingress000000000000000000";
    static final String NAME = "ingress";
    private static final int VXLAN_ID = 4095; // those that are picked begin above
    /** A unique local one: "starlin" in ASCII from its second byte. The same on each side of a partition, like the rest. */
    private static final String IPV6_SUBNET = "fd73:7461:726c:696e::/64";
    private static final List<String> SUBNETS = List.of("10.255.0.0/16", "10.254.0.0/16", "172.31.0.0/16");

    /** Whether a service with this spec is attached to it: it publishes a port, in whichever mode. */
    public static boolean isUsedBy(JsonNode serviceSpec) {
        return !serviceSpec.path("EndpointSpec").path("Ports").isEmpty();
    }

    /** The network's body where {@code service} is the first to need it; empty otherwise. */
    public static Optional<ObjectNode> firstNeededBy(JsonNode service, ClusterSnapshot snapshot) {
        return isUsedBy(service.path("Spec")) && snapshot.document(Kind.NETWORK, UID) == null ? Optional.of(body(snapshot)) : Optional.empty();
    }

    /** Nodes that are in the usual range already, or networks that users made there, move it to the next. */
    private static ObjectNode body(ClusterSnapshot snapshot) {
        List<Subnet> taken = snapshot.documents().getOrDefault(Kind.NETWORK, List.<Document>of()).stream()
                .flatMap(network -> NetworkSpecReader.overlay(network).stream()).map(network -> Subnet.parse(network.subnet())).toList();
        List<Long> nodes = snapshot.reports().values().stream().map(NodeReport::address).filter(address -> address.matches("[0-9]+(\\.[0-9]+){3}"))
                .map(Subnet::address).toList();
        String subnet = SUBNETS.stream().filter(candidate -> taken.stream().noneMatch(Subnet.parse(candidate)::overlaps)
                && nodes.stream().noneMatch(Subnet.parse(candidate)::contains)).findFirst().orElseThrow(() -> SpecException.invalid(
                        "the ingress network finds no free subnet among " + SUBNETS + ": they are in use by nodes or networks"));
        ObjectNode spec = JsonNodeFactory.instance.objectNode().put("Name", NAME).put("Driver", "overlay").put("Ingress", true)
                .put("VxlanId", VXLAN_ID);
        spec.put("EnableIPv6", true);
        ArrayNode configs = spec.putObject("IPAM").put("Driver", "default").putArray("Config");
        configs.addObject().put("Subnet", subnet);
        configs.addObject().put("Subnet", IPV6_SUBNET);
        return JsonNodeFactory.instance.objectNode().set("Spec", spec);
    }

    private IngressNetwork() {}
}
