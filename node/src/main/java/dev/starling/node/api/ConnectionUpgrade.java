package dev.starling.node.api;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.vertx.core.Future;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.impl.http1.Http1ServerConnection;
import io.vertx.core.net.NetSocket;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;

/**
 * Makes of an HTTP/1.1 request's connection a plain stream, as Docker's API does ("hijacking"). Vert.x does that for CONNECT and GET only and Docker
 * uses POST, so the answer is written past Vert.x, whose connection then takes its HTTP handlers out.
 */
final class ConnectionUpgrade {
    /** On the connection's event loop, once the request's body has been read; the client sends nothing more before the answer. Fails where it has gone. */
    static Future<NetSocket> upgrade(HttpServerRequest request, String contentType) {
        Http1ServerConnection connection = (Http1ServerConnection) request.connection();
        if (!connection.channelHandlerContext().channel().isActive()) {
            return Future.failedFuture(new ClosedChannelException());
        }
        ChannelHandlerContext outermost = connection.channelHandlerContext().pipeline().firstContext();
        outermost.channel().config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        String head = "HTTP/1.1 101 UPGRADED\r\nContent-Type: " + contentType + "\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nApi-Version: "
                + ApiVersion.NEWEST + "\r\n\r\n";
        outermost.writeAndFlush(Unpooled.copiedBuffer(head, StandardCharsets.US_ASCII));
        return connection.netSocket();
    }

    private ConnectionUpgrade() {}
}
