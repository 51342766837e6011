package dev.starling.node.config;

import dev.starling.gossip.GossipConfig;

/** How patient failure detection is: all nodes on one machine, one site, or sites joined by slow links. */
public enum Profile {
    LOCAL, LAN, WAN;

    /** What the profile says of each parameter. */
    public GossipConfig gossip() {
        return switch (this) {
            case LOCAL -> GossipConfig.local();
            case LAN -> GossipConfig.lan();
            case WAN -> GossipConfig.wan();
        };
    }
}
