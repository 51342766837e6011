package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.trust.NodeCredentials;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How this node speaks with the others: one-way messages and requests with replies, over mutual TLS, with the sender taken from its
 * certificate. Any thread may call; nothing here blocks but {@link #open} and {@link #close}.
 *
 * <pre>{@code
 * PeerTransport transport = PeerTransport.open(TransportConfig.of(listen, advertise), credentials, listener);
 * transport.handle("logs", (from, payload) -> readLogs(payload));
 * transport.send(peer, gossip);                                       // may be lost
 * transport.send(peer, probe, Lane.URGENT);                           // goes ahead of what waits
 * transport.request(peer, "logs", query, Duration.ofSeconds(5));      // ends in a reply or a TransportException
 * }</pre>
 *
 * <p>A peer that lost power keeps nothing busy: what waits for it is bounded, fails after the connect deadline, and after that
 * everything to it fails at once until the next attempt is due.
 */
public final class PeerTransport implements AutoCloseable {
    private static final int SOCKET_BUFFER_BYTES = 256 * 1024; // bounds what a dead peer can swallow before its silence shows
    private static final int ACCEPT_BACKLOG = 256;
    private static final long SWEEP_MILLIS = 250;
    private static final long CLOSE_SECONDS = 3;

    private final TransportConfig config;
    private final InstantSource clock;
    private final TransportCounters counters = new TransportCounters();
    private final MultiThreadIoEventLoopGroup group;
    private final EventLoop loop;
    private final Switchboard switchboard;
    private final NameLookup names = new NameLookup();
    private final AtomicInteger handedOverBytes = new AtomicInteger();
    private final Channel listening;
    private volatile TlsContexts tls;

    private PeerTransport(TransportConfig config, NodeCredentials credentials, TransportListener listener, InstantSource clock) {
        this.config = config;
        this.clock = clock;
        this.tls = new TlsContexts(credentials, clock);
        group = new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("starling-transport", true), NioIoHandler.newFactory());
        loop = group.next();
        switchboard = new Switchboard(config, counters, listener, this::dial, clock);
        try {
            listening = listen();
        } catch (RuntimeException e) {
            names.close();
            group.shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS);
            throw e;
        }
        loop.scheduleWithFixedDelay(switchboard::sweep, SWEEP_MILLIS, SWEEP_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** @throws TransportException with reason BIND where the address cannot be listened on */
    public static PeerTransport open(TransportConfig config, NodeCredentials credentials, TransportListener listener) {
        return open(config, credentials, listener, InstantSource.system());
    }

    /** As {@link #open(TransportConfig, NodeCredentials, TransportListener)}; {@code clock} says whose certificate has ended. */
    public static PeerTransport open(TransportConfig config, NodeCredentials credentials, TransportListener listener, InstantSource clock) {
        return new PeerTransport(config, credentials, listener, clock);
    }

    private Channel listen() {
        ServerBootstrap bootstrap = new ServerBootstrap().group(group).channel(NioServerSocketChannel.class)
                .option(ChannelOption.SO_REUSEADDR, true).option(ChannelOption.SO_BACKLOG, ACCEPT_BACKLOG)
                .childOption(ChannelOption.TCP_NODELAY, true).childOption(ChannelOption.SO_KEEPALIVE, true)
                .childOption(ChannelOption.SO_SNDBUF, SOCKET_BUFFER_BYTES)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        TlsContexts current = tls;
                        assemble(channel, new Connection(switchboard, config, current, null), current.server());
                    }
                });
        ChannelFuture bound = bootstrap.bind(new InetSocketAddress(config.listen().host(), config.listen().port())).awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw TransportException.bind(config.listen(), bound.cause());
        }
        return bound.channel();
    }

    private void assemble(Channel channel, Connection connection, SslContext context) {
        SslHandler ssl = context.newHandler(channel.alloc()); // no host: no host name check, no session cache
        ssl.setHandshakeTimeout(config.handshakeTimeout().toMillis(), TimeUnit.MILLISECONDS);
        channel.pipeline().addLast(new TrafficMeter(counters, connection), ssl, new FrameDecoder(config.maxFrameBytes()), new FrameEncoder(), connection);
    }

    private void dial(Endpoint to) {
        names.resolve(to.host(), config.connectTimeout()).whenComplete((address, error) -> execute(() -> {
            if (error != null) {
                switchboard.dialFailed(to, error.getMessage());
            } else {
                connect(to, new InetSocketAddress(address, to.port()));
            }
        }));
    }

    private void connect(Endpoint to, InetSocketAddress address) {
        TlsContexts current = tls;
        Connection connection = new Connection(switchboard, config, current, to);
        Bootstrap bootstrap = new Bootstrap().group(loop).channel(NioSocketChannel.class)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) config.connectTimeout().toMillis())
                .option(ChannelOption.TCP_NODELAY, true).option(ChannelOption.SO_KEEPALIVE, true)
                .option(ChannelOption.SO_SNDBUF, SOCKET_BUFFER_BYTES)
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        assemble(channel, connection, current.client());
                    }
                });
        switchboard.dialling(connection, to);
        bootstrap.connect(address).addListener(done -> {
            if (!done.isSuccess()) {
                connection.refuse(done.cause().getMessage());
            }
        });
    }

    /** Sends {@code payload} to whoever answers at {@code to}. May be lost, and is where the queue to that peer is full. */
    public void send(Endpoint to, byte[] payload) {
        send(to, payload, Lane.ORDINARY);
    }

    /** As above. Messages of one lane stay in order; an urgent one overtakes. One that is too large to be urgent goes with the others. */
    public void send(Endpoint to, byte[] payload, Lane lane) {
        Lane fitting = payload.length <= SendQueue.MAX_URGENT_FRAME_BYTES ? lane : Lane.ORDINARY;
        handOver(to, new Outbound.OneWay(payload, fitting, counters.droppedFrames));
    }

    /** A request to whoever answers at {@code to}. */
    public CompletableFuture<byte[]> request(Endpoint to, String subject, byte[] payload, Duration timeout) {
        return request(to, null, subject, payload, timeout);
    }

    /**
     * A request to the node {@code expected} at {@code to}.
     *
     * @return completes with the reply, or fails with a {@link TransportException}, at the latest after {@code timeout}. It completes on
     *     the event loop thread: continue with an {@code Async} method where there is work to do
     */
    public CompletableFuture<byte[]> request(Endpoint to, NodeId expected, String subject, byte[] payload, Duration timeout) {
        if (subject.length() * 3 > Frame.MAX_TEXT_BYTES) {
            throw new IllegalArgumentException("subject of " + subject.length() + " characters is too long");
        }
        CompletableFuture<byte[]> reply = new CompletableFuture<>();
        Outbound.Call call = new Outbound.Call(to, expected, subject, payload, reply);
        try {
            ScheduledFuture<?> deadline = loop.schedule(() -> call.fail(TransportException.timeout(to, subject, timeout)),
                    timeout.toNanos(), TimeUnit.NANOSECONDS);
            reply.whenComplete((value, error) -> deadline.cancel(false));
        } catch (RejectedExecutionException e) {
            call.fail(TransportException.closed());
            return reply;
        }
        handOver(to, call);
        return reply;
    }

    private void handOver(Endpoint to, Outbound outbound) {
        int size = outbound.size();
        if (size > config.maxFrameBytes()) {
            counters.oversizeFrames.increment();
            outbound.fail(TransportException.tooLarge(size, config.maxFrameBytes()));
        } else if (handedOverBytes.addAndGet(size) > config.handOverBytes()) {
            handedOverBytes.addAndGet(-size);
            outbound.fail(TransportException.busy("more than " + config.handOverBytes() + " bytes wait to be sent"));
        } else if (!execute(() -> {
            handedOverBytes.addAndGet(-size);
            switchboard.submit(to, outbound);
        })) {
            outbound.fail(TransportException.closed());
        }
    }

    private boolean execute(Runnable task) {
        try {
            loop.execute(task);
            return true;
        } catch (RejectedExecutionException e) {
            return false; // closed
        }
    }

    /** From now on {@code handler} answers requests with {@code subject}. */
    public void handle(String subject, RequestHandler handler) {
        switchboard.handlers().put(subject, handler);
    }

    public void stopHandling(String subject) {
        switchboard.handlers().remove(subject);
    }

    /** New connections show {@code credentials}; the open ones go on. */
    public void renew(NodeCredentials credentials) {
        tls = new TlsContexts(credentials, clock);
    }

    /** Exactly {@code nodes} are shut out from now on, whatever their certificates say; their connections are closed. */
    public void bar(Set<NodeId> nodes) {
        execute(() -> switchboard.bar(nodes));
    }

    public TransportCounters counters() {
        return counters;
    }

    public TransportConfig config() {
        return config;
    }

    /** Closes the listener and all connections; requests in flight fail. Waits up to 3 s for the event loop to end. */
    @Override
    public void close() {
        listening.close();
        execute(switchboard::close);
        names.close();
        group.shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS).awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    }
}
