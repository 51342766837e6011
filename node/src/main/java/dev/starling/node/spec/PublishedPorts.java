package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.scheduler.filter.OpenPorts;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The rules of {@code --publish}: each published port belongs to one service, except in host mode, where it belongs to one task a node. In host mode a spec
 * may leave the number to the nodes of the tasks; what those have picked is then not to be had on all nodes.
 */
final class PublishedPorts {
    private static final SupportedFields FIELDS = new SupportedFields("""
            Name string
            Protocol = tcp udp
            TargetPort integer
            PublishedPort integer
            PublishMode = ingress host
            """);

    private final List<String> missing;

    /** @param missing features that this node's kernel lacks for it */
    PublishedPorts(List<String> missing) {
        this.missing = missing;
    }

    void check(JsonNode endpoint, ClusterSnapshot snapshot, String ownUid) {
        JsonNode ports = endpoint.path("Ports");
        if (ports.isMissingNode() || ports.isNull()) {
            return;
        }
        if (!ports.isArray()) {
            throw SpecException.invalid("EndpointSpec.Ports: expected a list");
        }
        Set<String> numbers = new HashSet<>();
        for (int i = 0; i < ports.size(); i++) {
            checkPort(endpoint, ports.get(i), "EndpointSpec.Ports[" + i + "]");
            int number = ports.get(i).path("PublishedPort").asInt(0);
            if (number > 0 && !numbers.add(ServiceEndpoints.protocol(ports.get(i)) + "/" + number)) {
                throw SpecException.invalid("rpc error: code = InvalidArgument desc = EndpointSpec: duplicate published ports provided");
            }
        }
        if (!ports.isEmpty()) {
            Map<String, ServiceEndpoint> taken = ServiceEndpoints.of(snapshot);
            snapshot.documents().getOrDefault(Kind.SERVICE, List.of()).stream().filter(other -> !other.uid().equals(ownUid))
                    .forEach(other -> ports.forEach(port -> checkConflict(port, other, taken.get(other.uid()))));
            ServiceEndpoint own = taken.get(ownUid);
            ports.forEach(port -> {
                if (ServiceEndpoints.isIngress(port) && (own == null || own.ports().stream().noneMatch(had -> had.ingress() && isSame(had, port)))) {
                    checkPicked(port, snapshot);
                }
            });
        }
    }

    private void checkPort(JsonNode endpoint, JsonNode port, String path) {
        FIELDS.check(port);
        for (String field : List.of("TargetPort", "PublishedPort")) {
            int number = port.path(field).asInt(0);
            if (number < (field.equals("TargetPort") ? 1 : 0) || number > 65535) {
                throw SpecException.invalid(path + "." + field + ": must be a port number, got " + port.path(field).asText("nothing"));
            }
        }
        boolean ingress = ServiceEndpoints.isIngress(port);
        if (ingress && endpoint.path("Mode").asText("").equals("dnsrr")) {
            throw SpecException.invalid("rpc error: code = InvalidArgument desc = EndpointSpec: port published with ingress mode"
                    + " can't be used with dnsrr mode");
        }
        if (!missing.isEmpty()) {
            throw SpecException.notSupportedHere("publishing a port (" + path + ")", missing);
        }
    }

    private static void checkConflict(JsonNode port, Document other, ServiceEndpoint endpoint) {
        boolean ingress = ServiceEndpoints.isIngress(port);
        for (ServiceEndpoint.Port taken : endpoint.ports()) {
            if (isSame(taken, port) && (taken.ingress() || ingress)) {
                throw SpecException.invalid("rpc error: code = InvalidArgument desc = port '" + taken.published() + "' is already in use by service '"
                        + other.name() + "' (" + other.uid() + ") as " + (taken.ingress() ? "an ingress" : "a host-published") + " port");
            }
        }
    }

    /** By number; where that is left open nothing is asked for. */
    private static boolean isSame(ServiceEndpoint.Port taken, JsonNode port) {
        return !taken.isOpen() && taken.published() == port.path("PublishedPort").asInt(0) && taken.protocol().equals(ServiceEndpoints.protocol(port));
    }

    private static void checkPicked(JsonNode port, ClusterSnapshot snapshot) {
        String hostPort = ServiceEndpoints.protocol(port) + "/" + port.path("PublishedPort").asInt(0);
        snapshot.view().tasks().forEach((node, tasks) -> tasks.stream()
                .filter(task -> !task.state().isTerminal() && task.pickedPorts().containsKey(hostPort)).findFirst().ifPresent(task -> {
                    throw SpecException.invalid("rpc error: code = InvalidArgument desc = port '" + port.path("PublishedPort").asInt() + "' is already in use by task "
                            + task.id() + " of service " + task.slot().serviceUid() + " as a host-published port which node " + node.value()
                            + " picked: choose one outside of " + OpenPorts.FIRST + " to " + OpenPorts.LAST);
                }));
    }
}
