package dev.starling.gossip.transport;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;

/**
 * Cuts the stream into frames. A length over the cap fails at once, before a byte of the frame is buffered; until then no more is
 * held than has arrived.
 */
final class FrameDecoder extends LengthFieldBasedFrameDecoder {
    private static final int LENGTH_BYTES = 4;

    FrameDecoder(int maxFrameBytes) {
        super(maxFrameBytes, 0, LENGTH_BYTES, 0, LENGTH_BYTES, true);
    }

    @Override
    protected Object decode(ChannelHandlerContext context, ByteBuf in) throws Exception {
        ByteBuf body = (ByteBuf) super.decode(context, in);
        if (body == null) {
            return null;
        }
        try {
            return Frame.read(body);
        } finally {
            body.release();
        }
    }
}
