package dev.starling.gossip.transport;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;

/**
 * Sits next to the socket and sees what really passes: counts bytes, and tells the connection that its peer is alive. Bytes that
 * arrive show that; so do bytes that leave while more are waiting, for then the peer must have taken earlier ones. (Bytes that
 * leave into an empty socket buffer show nothing: the kernel takes them for a peer that lost power, too.)
 */
final class TrafficMeter extends ChannelDuplexHandler {
    private final TransportCounters counters;
    private final Connection connection;

    TrafficMeter(TransportCounters counters, Connection connection) {
        this.counters = counters;
        this.connection = connection;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof ByteBuf bytes) {
            counters.bytesIn.add(bytes.readableBytes());
            connection.heard();
        }
        context.fireChannelRead(message);
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (message instanceof ByteBuf bytes) {
            int size = bytes.readableBytes();
            context.write(message, promise.unvoid()).addListener(done -> {
                if (done.isSuccess()) {
                    counters.bytesOut.add(size);
                    if (!context.channel().isWritable()) {
                        connection.progressed();
                    }
                }
            });
        } else {
            context.write(message, promise);
        }
    }
}
