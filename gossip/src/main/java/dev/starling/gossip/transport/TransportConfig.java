package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import java.time.Duration;
import java.util.Objects;

/**
 * Every bound of the transport.
 *
 * @param listen               where to listen; {@code 0.0.0.0} or {@code ::} for all addresses
 * @param advertise            where peers reach this node; told to them after the handshake, so that they may use the connection back
 * @param maxFrameBytes        the largest frame; a peer that sends more is cut off
 * @param connectTimeout       for name lookup and TCP connect, each
 * @param handshakeTimeout     from the open socket to the end of TLS and hello
 * @param silenceTimeout       a connection on which the peer owes an answer and sends nothing is closed after this; it is pinged after a third
 * @param idleTimeout          a connection without any frame is closed after this
 * @param retryMin             the pause after a failed dial, doubled with each failure ...
 * @param retryMax             ... up to this
 * @param queueFrames          frames that wait per peer, at most; beyond, messages are dropped and requests fail
 * @param queueBytes           bytes that wait per peer, at most; not below maxFrameBytes
 * @param handOverBytes        bytes handed over by callers and not yet taken up by the event loop, over all peers, at most
 * @param maxHalfOpen          inbound connections that are not yet authenticated, at most; beyond, the oldest is closed
 * @param maxConnections       established connections, at most; beyond, new inbound ones are refused
 * @param maxInboundPerPeer    inbound connections of one node, at most; beyond, its oldest is closed
 * @param maxConcurrentRequests requests of one connection that are being handled, at most; beyond, "busy" is the answer
 */
public record TransportConfig(
        Endpoint listen, Endpoint advertise, int maxFrameBytes, Duration connectTimeout, Duration handshakeTimeout, Duration silenceTimeout,
        Duration idleTimeout, Duration retryMin, Duration retryMax, int queueFrames, int queueBytes, int handOverBytes, int maxHalfOpen,
        int maxConnections, int maxInboundPerPeer, int maxConcurrentRequests) {

    private static final int MEBIBYTE = 1024 * 1024;

    public TransportConfig {
        Objects.requireNonNull(listen, "listen");
        Objects.requireNonNull(advertise, "advertise");
        if (maxFrameBytes < 1024 || queueBytes < maxFrameBytes || handOverBytes < maxFrameBytes) {
            throw new IllegalArgumentException("maxFrameBytes must be at least 1024 and at most queueBytes and handOverBytes, got "
                    + maxFrameBytes + ", " + queueBytes + ", " + handOverBytes);
        }
    }

    /** Good for a LAN and for slow uplinks alike: 4 MiB frames, 2 s to connect, 3 s for the handshake, 9 s of silence. */
    public static TransportConfig of(Endpoint listen, Endpoint advertise) {
        return new TransportConfig(listen, advertise, 4 * MEBIBYTE, Duration.ofSeconds(2), Duration.ofSeconds(3), Duration.ofSeconds(9),
                Duration.ofMinutes(5), Duration.ofMillis(200), Duration.ofSeconds(2), 1024, 8 * MEBIBYTE, 32 * MEBIBYTE, 128, 2048, 4, 64);
    }

    public TransportConfig withTimeouts(Duration handshake, Duration silence, Duration idle) {
        return new TransportConfig(listen, advertise, maxFrameBytes, connectTimeout, handshake, silence, idle, retryMin, retryMax, queueFrames,
                queueBytes, handOverBytes, maxHalfOpen, maxConnections, maxInboundPerPeer, maxConcurrentRequests);
    }
}
