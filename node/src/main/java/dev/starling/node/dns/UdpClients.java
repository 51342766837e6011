package dev.starling.node.dns;

import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.DatagramPacket;
import java.net.InetSocketAddress;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The UDP socket of one network. */
final class UdpClients extends SimpleChannelInboundHandler<DatagramPacket> {
    private static final Logger LOG = LoggerFactory.getLogger(UdpClients.class);

    private final DnsServer server;
    private final String networkUid;

    UdpClients(DnsServer server, String networkUid) {
        this.server = server;
        this.networkUid = networkUid;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
        InetSocketAddress client = packet.sender();
        server.receive(networkUid, client.getAddress().getHostAddress(), ByteBufUtil.getBytes(packet.content()), false,
            answer -> context.writeAndFlush(new DatagramPacket(Unpooled.wrappedBuffer(answer), client)));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        LOG.warn("DNS of network {}: {}", networkUid, cause.toString()); // one bad packet must not close the socket of all
    }
}
