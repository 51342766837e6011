package dev.starling.node.dns;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/**
 * Settings of the DNS server.
 *
 * @param port            53, or another for tests
 * @param timeToLive      of our answers; short, since tasks move
 * @param upstreams       resolvers for names that are not ours, asked in that order
 * @param upstreamTimeout for each of them
 * @param maxForwarded    queries under way to upstreams; more are answered SERVFAIL at once
 * @param maxConnections  TCP clients of one network; more are closed at once
 * @param idleTimeout     after which a silent TCP client is closed
 */
public record DnsConfig(int port, Duration timeToLive, Supplier<List<InetSocketAddress>> upstreams, Duration upstreamTimeout, int maxForwarded,
                        int maxConnections, Duration idleTimeout) {
    public static DnsConfig standard() {
        return new DnsConfig(53, Duration.ofSeconds(2), new ResolvConf(Path.of("/etc/resolv.conf")), Duration.ofSeconds(2), 256, 128,
            Duration.ofSeconds(10));
    }
}
