package dev.starling.gossip.transport;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.MessageToByteEncoder;

/** Writes a frame behind its length, into one buffer of the right size. */
final class FrameEncoder extends MessageToByteEncoder<Frame> {
    private static final int LENGTH_BYTES = 4;

    FrameEncoder() {
        super(Frame.class);
    }

    @Override
    protected ByteBuf allocateBuffer(ChannelHandlerContext context, Frame frame, boolean preferDirect) {
        return context.alloc().heapBuffer(frame.size()); // the JDK's TLS engine works on arrays
    }

    @Override
    protected void encode(ChannelHandlerContext context, Frame frame, ByteBuf out) {
        int start = out.writerIndex();
        out.writeInt(0);
        frame.write(out);
        out.setInt(start, out.writerIndex() - start - LENGTH_BYTES);
    }
}
