package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.node.core.Document;
import java.util.List;

/** The rules of {@code --publish}: each published port belongs to one service, except in host mode, where it belongs to one task a node. */
final class PublishedPorts {
    private static final SupportedFields FIELDS = new SupportedFields("""
            Name string
            Protocol = tcp udp
            TargetPort integer
            PublishedPort integer
            PublishMode = ingress host
            """);

    private final ServiceSpecCheck.Features features;

    PublishedPorts(ServiceSpecCheck.Features features) {
        this.features = features;
    }

    void check(JsonNode endpoint, List<Document> services, String ownUid) {
        JsonNode ports = endpoint.path("Ports");
        if (ports.isMissingNode() || ports.isNull()) {
            return;
        }
        if (!ports.isArray()) {
            throw SpecException.invalid("EndpointSpec.Ports: expected a list");
        }
        for (int i = 0; i < ports.size(); i++) {
            checkPort(endpoint, ports.get(i), "EndpointSpec.Ports[" + i + "]", services, ownUid);
        }
    }

    private void checkPort(JsonNode endpoint, JsonNode port, String path, List<Document> services, String ownUid) {
        FIELDS.check(port);
        for (String field : List.of("TargetPort", "PublishedPort")) {
            int number = port.path(field).asInt(0);
            if (number < (field.equals("TargetPort") ? 1 : 0) || number > 65535) {
                throw SpecException.invalid(path + "." + field + ": must be a port number, got " + port.path(field).asText("nothing"));
            }
        }
        boolean ingress = isIngress(port);
        if (ingress && endpoint.path("Mode").asText("").equals("dnsrr")) {
            throw SpecException.invalid("rpc error: code = InvalidArgument desc = EndpointSpec: port published with ingress mode"
                    + " can't be used with dnsrr mode");
        }
        if (ingress && !features.ingressPorts()) {
            throw SpecException.notSupported("publishing a port on every node (--publish mode=ingress, " + path + ")");
        }
        if (!ingress && !features.hostPorts()) {
            throw SpecException.notSupported("publishing a port of the host (--publish mode=host, " + path + ")");
        }
        if (port.path("PublishedPort").asInt(0) > 0) {
            services.stream().filter(other -> !other.uid().equals(ownUid)).forEach(other -> checkConflict(port, other));
        }
    }

    private static void checkConflict(JsonNode port, Document other) {
        for (JsonNode taken : other.spec().path("EndpointSpec").path("Ports")) {
            boolean same = taken.path("PublishedPort").asInt(0) == port.path("PublishedPort").asInt()
                    && taken.path("Protocol").asText("tcp").equals(port.path("Protocol").asText("tcp"));
            if (same && (isIngress(taken) || isIngress(port))) {
                throw SpecException.invalid("rpc error: code = InvalidArgument desc = port '" + port.path("PublishedPort").asInt()
                        + "' is already in use by service '" + other.name() + "' (" + other.uid() + ") as "
                        + (isIngress(taken) ? "an ingress" : "a host-published") + " port");
            }
        }
    }

    private static boolean isIngress(JsonNode port) {
        return !port.path("PublishMode").asText("").equals("host");
    }
}
