package dev.starling.node.agent;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.codec.MessageFormatException;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.transport.TransportListener;
import dev.starling.gossip.trust.PeerIdentity;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * From the network into the core's queue, on the transport's threads. The transport listens before the core is there; what arrives until
 * then is dropped, as on any lossy wire.
 */
final class GossipReceiver implements TransportListener {
    private static final Logger LOG = LoggerFactory.getLogger(GossipReceiver.class);

    private final ThreadLocal<MessageCodec> codec;
    private final NodeMetrics metrics;
    private volatile CoreLoop loop;

    GossipReceiver(ThreadLocal<MessageCodec> codec, NodeMetrics metrics) {
        this.codec = codec;
        this.metrics = metrics;
    }

    /** From now on {@code core} hears what arrives. */
    void open(CoreLoop core) {
        loop = core;
    }

    boolean isOpen() {
        return loop != null;
    }

    @Override
    public void received(PeerIdentity from, byte[] payload) {
        CoreLoop core = loop;
        if (core == null) {
            return;
        }
        Message message;
        try {
            message = codec.get().decode(payload);
        } catch (MessageFormatException e) {
            metrics.unread(e.reason());
            LOG.debug("a message of {} bytes from {} was dropped: {}", payload.length, from.id(), e.getMessage());
            return;
        }
        metrics.message("received", message);
        core.offer((node, now) -> node.receive(from.id(), from.role(), message, now), message.isUrgent());
    }

    @Override
    public void arriving(NodeId peer) {
        CoreLoop core = loop;
        if (core != null) {
            core.offer((node, now) -> node.arriving(peer, now), true);
        }
    }

    @Override
    public void connectionLost(NodeId peer) {
        CoreLoop core = loop;
        if (core != null) {
            core.offer((node, now) -> node.connectionLost(peer, now), true);
        }
    }
}
