package dev.starling.node.network;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import java.util.Optional;
import java.util.SortedMap;

/** The ways to peers whose ESP goes inside UDP. */
interface TunnelPaths {
    /**
     * To these peers and no others; to none: nothing is open.
     *
     * @throws dev.starling.netlink.NetlinkException where the port cannot be had
     */
    void follow(NodeId self, SortedMap<NodeId, PathFinder.Peer> peers);

    SortedMap<NodeId, Endpoint> found();

    /** As what others see this node. */
    Optional<Endpoint> seenAs();
}
