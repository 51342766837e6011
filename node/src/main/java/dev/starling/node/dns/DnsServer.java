package dev.starling.node.dns;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.codec.LengthFieldPrepender;
import io.netty.handler.codec.dns.DnsResponseCode;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The name server of this node's containers, by UDP and TCP, at the gateway address of each of its networks.
 *
 * <p>Names of services and tasks come from a {@link NameTable}; the rest goes to the host's resolvers. The rules are in {@link Resolution}. One
 * thread does all of it; calls may come from any thread.
 */
public final class DnsServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(DnsServer.class);
    private static final int MAX_MESSAGE = 0xffff;
    private static final int BIND_ATTEMPTS = 10;
    private static final Duration BIND_PAUSE = Duration.ofMillis(20);

    /** The two sockets of a network. */
    private record Listener(InetSocketAddress address, Channel udp, Channel tcp) {
        void close() {
            udp.close().syncUninterruptibly();
            tcp.close().syncUninterruptibly();
        }
    }

    private final DnsConfig config;
    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("dns", true), NioIoHandler.newFactory());
    private final EventLoop loop = group.next();
    private final Forwarder forwarder;
    private final Map<String, Listener> listeners = new TreeMap<>();
    private volatile List<InetSocketAddress> ownAddresses = List.of();
    private volatile NameTable table = NameTable.empty();
    private int turn; // on the event loop

    private final LongAdder answered = new LongAdder();
    private final LongAdder forwarded = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final LongAdder malformed = new LongAdder();

    public DnsServer(DnsConfig config) {
        this.config = config;
        this.forwarder = new Forwarder(loop, config.upstreamTimeout(), config.maxForwarded());
    }

    /** From the next query on, answers come from {@code names}. */
    public void update(NameTable names) {
        table = names;
    }

    /**
     * Answers at a network's gateway; the bridge has that address already. Doing it again changes nothing, with another gateway it moves.
     *
     * @throws DnsListenException if the address is taken or not there; it can be tried again
     */
    public synchronized void listen(String networkUid, String gateway) {
        InetSocketAddress address = new InetSocketAddress(gateway, config.port());
        Listener present = listeners.get(networkUid);
        if (present != null && present.address().equals(address)) {
            return;
        }
        close(networkUid);
        Channel udp = bind(networkUid, address, "UDP", () -> udpBootstrap(networkUid).bind(address));
        try {
            Channel tcp = bind(networkUid, address, "TCP", () -> tcpBootstrap(networkUid).bind(address));
            listeners.put(networkUid, new Listener(address, udp, tcp));
        } catch (DnsListenException e) {
            udp.close().syncUninterruptibly();
            throw e;
        }
        rememberOwnAddresses();
    }

    /** Stops answering for a network; fine where it did not. */
    public synchronized void close(String networkUid) {
        Listener listener = listeners.remove(networkUid);
        if (listener != null) {
            listener.close();
            rememberOwnAddresses();
        }
    }

    public DnsCounters counters() {
        return new DnsCounters(answered.sum(), forwarded.sum(), failed.sum(), malformed.sum());
    }

    @Override
    public synchronized void close() {
        listeners.values().forEach(Listener::close);
        listeners.clear();
        group.shutdownGracefully(0, 2, TimeUnit.SECONDS).syncUninterruptibly();
    }

    /** On the event loop. {@code respond} gets the answer's bytes now, later, or never (malformed queries). */
    void receive(String networkUid, String client, byte[] wire, boolean tcp, Consumer<byte[]> respond) {
        Query query;
        try {
            query = Query.parse(wire);
        } catch (MalformedQueryException e) {
            malformed.increment();
            LOG.debug("ignored {} bytes from {}: {}", wire.length, client, e.getMessage());
            return;
        }
        int limit = tcp ? MAX_MESSAGE : Math.min(query.payload(), Reply.UDP_PAYLOAD);
        Resolution resolution = Resolution.of(query, table, networkUid, client, turn++);
        if (resolution instanceof Resolution.Answered known) {
            answered.increment();
            respond.accept(known.reply().encode(query, (int) config.timeToLive().toSeconds(), limit));
        } else {
            forwarder.forward(query, tcp, upstreams(), answer -> respond.accept(relayed(query, answer, limit)));
        }
    }

    private byte[] relayed(Query query, Optional<byte[]> answer, int limit) {
        (answer.isPresent() ? forwarded : failed).increment();
        return answer.orElseGet(() -> Reply.of(DnsResponseCode.SERVFAIL).encode(query, 0, limit));
    }

    /** Without ourselves: a host whose resolv.conf names one of our gateways would ask in circles. */
    private List<InetSocketAddress> upstreams() {
        List<InetSocketAddress> own = ownAddresses;
        return config.upstreams().get().stream().filter(upstream -> !own.contains(upstream)).toList();
    }

    private void rememberOwnAddresses() {
        ownAddresses = listeners.values().stream().map(Listener::address).toList();
    }

    private Bootstrap udpBootstrap(String networkUid) {
        return new Bootstrap().group(group).channel(NioDatagramChannel.class).handler(new UdpClients(this, networkUid));
    }

    private ServerBootstrap tcpBootstrap(String networkUid) {
        TcpClients clients = new TcpClients(this, networkUid, config.maxConnections());
        return new ServerBootstrap().group(group).channel(NioServerSocketChannel.class).childHandler(new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline().addLast(new ReadTimeoutHandler(config.idleTimeout().toMillis(), TimeUnit.MILLISECONDS),
                    new LengthFieldBasedFrameDecoder(MAX_MESSAGE + 2, 0, 2, 0, 2), new LengthFieldPrepender(2), clients);
            }
        });
    }

    /** Tries a little longer than it takes the event loop to give back the port of a channel that was just closed: that is after close() reports it. */
    private static Channel bind(String networkUid, InetSocketAddress address, String transport, Supplier<ChannelFuture> binding) {
        Throwable failure = null;
        for (int attempt = 0; attempt < BIND_ATTEMPTS; attempt++) {
            ChannelFuture bound = binding.get().awaitUninterruptibly();
            if (bound.isSuccess()) {
                return bound.channel();
            }
            failure = bound.cause();
            LockSupport.parkNanos(BIND_PAUSE.toNanos());
        }
        throw new DnsListenException("DNS of network " + networkUid + " cannot listen on " + transport + " " + address.getHostString() + ":"
            + address.getPort() + ": " + failure.getMessage(), failure);
    }
}
