package dev.starling.gossip.transport;

import dev.starling.gossip.trust.PeerIdentity;
import java.util.concurrent.CompletionStage;

/** Answers requests of one subject. */
@FunctionalInterface
public interface RequestHandler {
    /**
     * Called on the event loop thread: must not block. The stage may complete on any thread; where it fails, the message of its
     * exception is what the requester gets to read.
     */
    CompletionStage<byte[]> handle(PeerIdentity from, byte[] payload);
}
