package dev.starling.node.api;

import dev.starling.runtime.ExecProcess;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.UncheckedBooleanSupplier;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.NetSocket;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;

/**
 * What a client sends over an upgraded connection, handed on piece by piece to a process, and its end after the last of it. Where the process is slow the
 * client's side waits.
 *
 * <p>It stands in the channel's pipeline before Vert.x, which holds bytes back in a queue of its own but tells of their end at once: here both come in the
 * order in which they were sent. On the connection's event loop only.
 *
 * <p>Netty 4.2.18 loses a channel from its epoll when the other side shuts down while reading is off: what is left in the socket could never be read. So what
 * is there is always read to its end ({@link UntilEmpty}), of which a socket holds little, and reading is not touched any more afterwards. For what is written after that,
 * see {@link LostEpollInterest}.
 *
 * <p>Once the output is over ({@link #endOutput}) nobody wants the rest: it is read and thrown away until the client closes, within {@link #MAX_DISCARDED_BYTES} and
 * {@link #DISCARD_SECONDS}.
 */
final class ClientInput extends ChannelDuplexHandler {
    private static final int MAX_WAITING_BYTES = 128 << 10;
    /** More than a unix socket holds (net.core.wmem_default is 208 KiB). */
    private static final int MAX_BYTES_AT_ONCE = 1 << 20;
    private static final int READ_BYTES = 32 << 10;
    private static final int MAX_DISCARDED_BYTES = 16 << 20;
    private static final int DISCARD_SECONDS = 10;

    /** Null where there is none to hand it to. */
    private final ExecProcess process;
    private final ChannelHandlerContext vertx;
    private final Queue<byte[]> pieces = new ArrayDeque<>();
    private int waitingBytes;
    private boolean writing;
    private boolean over;
    private boolean outputOver;
    private boolean discarding;
    private int discardedBytes;

    private ClientInput(ExecProcess process, ChannelHandlerContext vertx) {
        this.process = process;
        this.vertx = vertx;
    }

    static ClientInput read(NetSocketInternal socket, ExecProcess process) {
        ClientInput input = put(socket, process);
        socket.handler(early -> input.take(early.getBytes())); // what came along with the request is Vert.x's already
        return input;
    }

    /** Of a client whose process there is not: what it sends is let go. */
    static ClientInput unwanted(NetSocketInternal socket) {
        return put(socket, null);
    }

    private static ClientInput put(NetSocketInternal socket, ExecProcess process) {
        ChannelHandlerContext vertx = socket.channelHandlerContext();
        ClientInput input = new ClientInput(process, vertx);
        vertx.channel().config().setRecvByteBufAllocator(new UntilEmpty());
        vertx.pipeline().addBefore(vertx.name(), "client-input", input);
        return input;
    }

    /**
     * All output was handed to {@code socket}. Vert.x has a queue of its own in front of Netty's and closes behind both: then it is here, in {@link #close}.
     */
    void endOutput(NetSocket socket) {
        outputOver = true;
        socket.close();
    }

    /** Where the output is over: tells the client so, and closes once the client has closed its side or a bound is met. */
    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        if (!outputOver || discarding || over || !(context.channel() instanceof DuplexChannel duplex)) {
            context.close(promise);
            return;
        }
        discarding = true;
        pieces.clear();
        duplex.config().setAutoRead(true);
        duplex.shutdownOutput();
        context.executor().schedule(() -> context.close(promise), DISCARD_SECONDS, TimeUnit.SECONDS);
    }

    @Override
    public void flush(ChannelHandlerContext context) {
        if (over) {
            LostEpollInterest.mend(context.channel());
        }
        context.flush();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof ByteBuf bytes) {
            if (discarding || process == null) {
                throwAway(bytes.readableBytes());
            } else {
                take(ByteBufUtil.getBytes(bytes));
            }
        }
        ReferenceCountUtil.release(message);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            over = true; // not for Vert.x, which would close the connection: the output is still wanted
            if (discarding) {
                vertx.channel().close();
            } else if (process != null) {
                writeNext();
            }
        } else {
            context.fireUserEventTriggered(event);
        }
    }

    private void throwAway(int bytes) {
        discardedBytes += bytes;
        if (discardedBytes > MAX_DISCARDED_BYTES) {
            vertx.channel().close();
        }
    }

    private void take(byte[] piece) {
        pieces.add(piece);
        waitingBytes += piece.length;
        readAsFarAsThereIsRoom();
        writeNext();
    }

    private void readAsFarAsThereIsRoom() {
        if (!over && !discarding) {
            vertx.channel().config().setAutoRead(waitingBytes < MAX_WAITING_BYTES);
        }
    }

    private void writeNext() {
        if (writing || discarding) {
            return;
        }
        byte[] next = pieces.poll();
        if (next == null) {
            if (over) {
                process.closeInput();
            }
            return;
        }
        writing = true;
        process.write(next).whenComplete((done, failure) -> vertx.executor().execute(() -> {
            writing = false;
            waitingBytes -= next.length;
            readAsFarAsThereIsRoom();
            writeNext();
        }));
    }

    /** Reads until nothing is there, also where reading was turned off meanwhile. */
    private static final class UntilEmpty extends DefaultMaxMessagesRecvByteBufAllocator {
        @Override
        public Handle newHandle() {
            return new MaxMessageHandle() {
                @Override
                public int guess() {
                    return READ_BYTES;
                }

                @Override
                public boolean continueReading(UncheckedBooleanSupplier maybeMore) {
                    return lastBytesRead() > 0 && totalBytesRead() < MAX_BYTES_AT_ONCE;
                }
            };
        }
    }
}
