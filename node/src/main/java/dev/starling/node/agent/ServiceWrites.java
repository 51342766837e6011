package dev.starling.node.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.NodeCore;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.node.spec.ServiceEndpoints;
import dev.starling.scheduler.model.Time;

/** What a service's write brings along: the ingress network where it is the first to publish a port, its picked ports and virtual addresses. */
final class ServiceWrites {
    /** On the core's thread. @param uid of the service that is updated; empty for a new one */
    static void complete(NodeCore core, JsonNode body, String uid, Time now) {
        IngressNetwork.firstNeededBy(body, core.snapshot()).ifPresent(network -> core.create(Kind.NETWORK, IngressNetwork.UID, network, now));
        ServiceEndpoints.allocate((ObjectNode) body, core.snapshot(), uid);
    }

    private ServiceWrites() {}
}
