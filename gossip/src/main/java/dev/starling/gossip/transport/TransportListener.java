package dev.starling.gossip.transport;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.trust.PeerIdentity;

/** What the transport has to tell. Called on its event loop thread: hand over and return, never block. */
public interface TransportListener {
    /** A part of a large message of {@code from} is here and more of it follows. Told a few times a second at most. */
    default void arriving(NodeId from) {}

    /** A one-way message; the array is the listener's to keep. */
    void received(PeerIdentity from, byte[] payload);

    /**
     * The last established connection to {@code peer} was closed, reset or went silent, or dialling it again was refused. A hint to
     * probe it at once, no verdict. Not called for a connection that either side closed because it was idle.
     */
    void connectionLost(NodeId peer);
}
