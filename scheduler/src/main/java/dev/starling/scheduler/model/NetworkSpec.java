package dev.starling.scheduler.model;

import dev.starling.gossip.desired.HybridTime;

/**
 * An overlay network as the address plan needs it.
 *
 * @param subnet  IPv4 CIDR, e.g. {@code 10.0.1.0/24}
 * @param gateway the address of each node's bridge in it, e.g. {@code 10.0.1.1}; never given to a task; empty: each node has its own
 * @param encrypted whether its tasks need a node that can encrypt
 */
public record NetworkSpec(String uid, HybridTime created, String subnet, String gateway, boolean encrypted) {
    /** In the clear. */
    public NetworkSpec(String uid, HybridTime created, String subnet, String gateway) {
        this(uid, created, subnet, gateway, false);
    }

    public boolean hasGatewayPerNode() {
        return gateway.isEmpty();
    }
}
