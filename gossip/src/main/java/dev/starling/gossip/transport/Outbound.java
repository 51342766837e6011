package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;

/** What waits to be sent: a message that may be lost, or a request that must end in a reply or an error. */
sealed interface Outbound {
    int size();

    /** It was not and will not be sent. */
    void fail(TransportException why);

    record OneWay(byte[] payload, Lane lane, LongAdder dropped) implements Outbound {
        @Override
        public int size() {
            return Frame.OVERHEAD_BYTES + payload.length;
        }

        @Override
        public void fail(TransportException why) {
            dropped.increment();
        }
    }

    /** {@code expected} is the node that must answer at {@code to}, or null for any. */
    record Call(Endpoint to, NodeId expected, String subject, byte[] payload, CompletableFuture<byte[]> reply) implements Outbound {
        @Override
        public int size() {
            return Frame.OVERHEAD_BYTES + Frame.MAX_TEXT_BYTES + payload.length;
        }

        @Override
        public void fail(TransportException why) {
            reply.completeExceptionally(why);
        }
    }
}
