package dev.starling.node.dns;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import java.net.InetSocketAddress;

/** All TCP connections of one network: at most so many at a time. */
@ChannelHandler.Sharable
final class TcpClients extends SimpleChannelInboundHandler<ByteBuf> {
    private final DnsServer server;
    private final String networkUid;
    private final int limit;
    private int connections; // on the event loop

    TcpClients(DnsServer server, String networkUid, int limit) {
        this.server = server;
        this.networkUid = networkUid;
        this.limit = limit;
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        if (++connections > limit) {
            context.close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        connections--;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, ByteBuf message) {
        InetSocketAddress client = (InetSocketAddress) context.channel().remoteAddress();
        server.receive(networkUid, client.getAddress().getHostAddress(), ByteBufUtil.getBytes(message), true,
            answer -> context.writeAndFlush(Unpooled.wrappedBuffer(answer)));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        context.close(); // reset, idle for too long, or a frame that is none: only this client is concerned
    }
}
