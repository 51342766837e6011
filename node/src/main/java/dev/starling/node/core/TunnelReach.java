package dev.starling.node.core;

import dev.starling.gossip.Endpoint;
import java.util.List;

/**
 * What a node says of how encrypted traffic reaches it inside UDP.
 *
 * @param natted     whether its advertised address is none of its own: traffic between it and any other node goes inside UDP then. The same as long as its keys are
 * @param candidates IPv4 addresses and ports at which it may be reached: its own, what was configured, what others saw
 */
public record TunnelReach(boolean natted, List<Endpoint> candidates) {
    /** What a liar may make others send to is bounded by it. */
    public static final int MOST_CANDIDATES = 4;
}
