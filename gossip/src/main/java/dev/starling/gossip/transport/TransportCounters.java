package dev.starling.gossip.transport;

import java.util.concurrent.atomic.LongAdder;

/** What passed and what was turned away, since start. Bytes are those on the wire, TLS included. */
public final class TransportCounters {
    public final LongAdder bytesIn = new LongAdder();
    public final LongAdder bytesOut = new LongAdder();
    public final LongAdder framesIn = new LongAdder();
    public final LongAdder framesOut = new LongAdder();
    /** Connections that reached the end of TLS and hello, in either direction. */
    public final LongAdder handshakes = new LongAdder();
    /** Inbound and outbound connections that did not: no or a wrong certificate, garbage, too slow, too many. */
    public final LongAdder refusedHandshakes = new LongAdder();
    /** One-way messages and replies that found no connection or a full queue. */
    public final LongAdder droppedFrames = new LongAdder();
    public final LongAdder oversizeFrames = new LongAdder();
}
