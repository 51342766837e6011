package dev.starling.gossip.transport;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
    /** The same by reason; all reasons are there from the start. */
    public final Map<RefusedConnection, LongAdder> refusedBy = Stream.of(RefusedConnection.values()).collect(
            Collectors.collectingAndThen(Collectors.toMap(reason -> reason, reason -> new LongAdder(), (a, b) -> a,
                    () -> new EnumMap<>(RefusedConnection.class)), Collections::unmodifiableMap));
    void refused(RefusedConnection reason) {
        refusedHandshakes.increment();
        refusedBy.get(reason).increment();
    }

    /** One-way messages and replies that found no connection or a full queue. */
    public final LongAdder droppedFrames = new LongAdder();
    public final LongAdder oversizeFrames = new LongAdder();
}
