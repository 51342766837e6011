package dev.starling.node.dns;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoop;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.codec.LengthFieldPrepender;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Relays queries to the host's resolvers, byte for byte, by the transport they came by. Each goes from a socket of its own, with a random id, so that a
 * forged answer has to guess both. A resolver that does not answer in time is passed over. Runs on one event loop.
 */
final class Forwarder {
    private final EventLoop loop;
    private final Duration timeout;
    private final int limit;
    private final SecureRandom random = new SecureRandom();
    private int underWay;

    Forwarder(EventLoop loop, Duration timeout, int limit) {
        this.loop = loop;
        this.timeout = timeout;
        this.limit = limit;
    }

    /** @param done gets the answer, with the query's id, or nothing where no upstream gave one; on the event loop, once */
    void forward(Query query, boolean tcp, List<InetSocketAddress> upstreams, Consumer<Optional<byte[]>> done) {
        if (underWay >= limit) {
            done.accept(Optional.empty());
            return;
        }
        underWay++;
        attempt(query, tcp, upstreams.iterator(), answer -> {
            underWay--;
            done.accept(answer);
        });
    }

    private void attempt(Query query, boolean tcp, Iterator<InetSocketAddress> upstreams, Consumer<Optional<byte[]>> done) {
        if (!upstreams.hasNext()) {
            done.accept(Optional.empty());
            return;
        }
        InetSocketAddress upstream = upstreams.next();
        Exchange exchange = new Exchange(query, answer -> {
            if (answer.isPresent()) {
                done.accept(answer);
            } else {
                attempt(query, tcp, upstreams, done);
            }
        });
        Bootstrap bootstrap = new Bootstrap().group(loop).handler(new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                if (tcp) {
                    channel.pipeline().addLast(new LengthFieldBasedFrameDecoder(0xffff + 2, 0, 2, 0, 2), new LengthFieldPrepender(2));
                }
                channel.pipeline().addLast(exchange);
            }
        });
        (tcp ? bootstrap.channel(NioSocketChannel.class) : bootstrap.channel(NioDatagramChannel.class)).connect(upstream).addListener(connected -> {
            if (!connected.isSuccess()) {
                exchange.finish(Optional.empty());
            }
        });
        exchange.limitTo(timeout);
    }

    /** One query to one resolver. */
    private final class Exchange extends SimpleChannelInboundHandler<Object> {
        private final Query query;
        private final Consumer<Optional<byte[]>> done;
        private final int id = random.nextInt(0x10000);
        private ScheduledFuture<?> deadline;
        private Channel channel;
        private boolean finished;

        Exchange(Query query, Consumer<Optional<byte[]>> done) {
            this.query = query;
            this.done = done;
        }

        void limitTo(Duration time) {
            deadline = loop.schedule(() -> finish(Optional.empty()), time.toMillis(), TimeUnit.MILLISECONDS);
        }

        @Override
        public void handlerAdded(ChannelHandlerContext context) {
            channel = context.channel();
        }

        @Override
        public void channelActive(ChannelHandlerContext context) {
            if (finished) {
                context.close();
                return;
            }
            byte[] wire = query.wire().clone();
            setId(wire, id);
            context.writeAndFlush(Unpooled.wrappedBuffer(wire));
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, Object message) {
            ByteBuf content = message instanceof DatagramPacket packet ? packet.content() : (ByteBuf) message;
            byte[] answer = ByteBufUtil.getBytes(content);
            if (answersUs(answer)) {
                setId(answer, query.id());
                finish(Optional.of(answer));
            }
        }

        private boolean answersUs(byte[] answer) {
            if (answer.length < Query.HEADER || (answer[2] & 0x80) == 0 || (answer[0] & 0xff) != id >> 8 || (answer[1] & 0xff) != (id & 0xff)) {
                return false;
            }
            // Some servers leave the question out of an error.
            boolean question = answer[4] != 0 || answer[5] != 0;
            return !question || answer.length >= query.questionEnd()
                && ByteBufUtil.equals(Unpooled.wrappedBuffer(answer), Query.HEADER, Unpooled.wrappedBuffer(query.wire()), Query.HEADER, query.questionEnd() - Query.HEADER);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            finish(Optional.empty()); // port unreachable, reset: ask the next one at once
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            finish(Optional.empty());
        }

        private void finish(Optional<byte[]> answer) {
            if (finished) {
                return;
            }
            finished = true;
            if (deadline != null) {
                deadline.cancel(false);
            }
            if (channel != null) {
                channel.close();
            }
            done.accept(answer);
        }

        private static void setId(byte[] wire, int value) {
            wire[0] = (byte) (value >> 8);
            wire[1] = (byte) value;
        }
    }
}
