package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.trust.PeerIdentity;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All connections and links of this node. Confined to the event loop thread, but for the handler table and the set of barred nodes,
 * which other threads replace.
 */
final class Switchboard {
    private static final Logger LOG = LoggerFactory.getLogger(Switchboard.class);
    private static final long REFUSAL_LOG_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final TransportConfig config;
    private final TransportCounters counters;
    private final TransportListener listener;
    private final Consumer<Endpoint> dialler;
    private final InstantSource clock;
    private final Map<String, RequestHandler> handlers = new ConcurrentHashMap<>();
    private final Map<Endpoint, Link> links = new HashMap<>();
    private final Map<NodeId, Set<Connection>> established = new HashMap<>();
    private final Set<Connection> halfOpenInbound = new LinkedHashSet<>();
    private final Map<Connection, Endpoint> dialled = new HashMap<>();
    private volatile Set<NodeId> barred = Set.of();
    private int establishedCount;
    private long lastRefusalLogNanos = System.nanoTime() - REFUSAL_LOG_PAUSE_NANOS;
    private boolean closing;

    Switchboard(TransportConfig config, TransportCounters counters, TransportListener listener, Consumer<Endpoint> dialler,
            InstantSource clock) {
        this.config = config;
        this.counters = counters;
        this.listener = listener;
        this.dialler = dialler;
        this.clock = clock;
    }

    // ---- from any thread

    TransportCounters counters() {
        return counters;
    }

    Map<String, RequestHandler> handlers() {
        return handlers;
    }

    RequestHandler handler(String subject) {
        return handlers.get(subject);
    }

    boolean isBarred(NodeId node) {
        return barred.contains(node);
    }

    // ---- from the facade, on the event loop

    void submit(Endpoint to, Outbound outbound) {
        if (closing) {
            outbound.fail(TransportException.closed());
            return;
        }
        links.computeIfAbsent(to, endpoint -> new Link(endpoint, this, config)).submit(outbound, System.nanoTime());
    }

    void bar(Set<NodeId> nodes) {
        barred = Set.copyOf(nodes);
        for (NodeId node : barred) {
            List.copyOf(established.getOrDefault(node, Set.of())).forEach(connection -> connection.refuse("node " + node + " was removed from the cluster"));
        }
    }

    void sweep() {
        long nowNanos = System.nanoTime();
        Instant now = clock.instant();
        List<Connection> all = new ArrayList<>();
        established.values().forEach(all::addAll);
        all.forEach(connection -> connection.sweep(nowNanos, now));
        links.values().removeIf(link -> link.isUnused(nowNanos));
    }

    void close() {
        closing = true;
        List<Connection> all = new ArrayList<>(halfOpenInbound);
        all.addAll(dialled.keySet());
        established.values().forEach(all::addAll);
        all.forEach(connection -> connection.refuse("this node's transport is closed"));
        links.values().forEach(Link::close);
        links.clear();
    }

    // ---- from links and the dialler

    void dial(Endpoint to) {
        dialler.accept(to);
    }

    /** {@code connection} is to become the one to {@code to}; its outcome comes back through {@link #established} or {@link #ended}. */
    void dialling(Connection connection, Endpoint to) {
        dialled.put(connection, to);
    }

    void dialFailed(Endpoint to, String why) {
        Link link = links.get(to);
        if (link == null || closing) {
            return;
        }
        LOG.debug("no connection to {}: {}", to, why);
        NodeId was = link.failed(why, System.nanoTime());
        if (was != null && !established.containsKey(was)) {
            tellLost(was);
        }
    }

    // ---- from connections

    void opened(Connection connection) {
        if (closing) {
            connection.refuse("this node's transport is closed");
        } else if (connection.isInbound()) {
            halfOpenInbound.add(connection);
            if (halfOpenInbound.size() > config.maxHalfOpen()) {
                // the oldest: a peer in good faith needs some milliseconds, so under a flood it is among the youngest
                halfOpenInbound.iterator().next().refuse(RefusedConnection.TOO_MANY_HALF_OPEN, "more than " + config.maxHalfOpen() + " connections wait for their handshake");
            }
        }
    }

    void established(Connection connection) {
        halfOpenInbound.remove(connection);
        if (connection.isInbound() && establishedCount >= config.maxConnections()) {
            counters.refused(RefusedConnection.TOO_MANY_CONNECTIONS);
            connection.sayGoodbye("more than " + config.maxConnections() + " connections");
            return;
        }
        counters.handshakes.increment();
        Set<Connection> ofPeer = established.computeIfAbsent(connection.peerId(), peer -> new LinkedHashSet<>());
        ofPeer.add(connection);
        establishedCount++;
        Endpoint target = dialled.remove(connection);
        if (target != null) {
            Link link = links.get(target);
            if (link != null) {
                link.connected(connection);
            }
            return;
        }
        Endpoint claimed = connection.claimedAddress();
        if (claimed != null) {
            links.computeIfAbsent(claimed, endpoint -> new Link(endpoint, this, config)).offered(connection, System.nanoTime());
        }
        List<Connection> inbound = ofPeer.stream().filter(Connection::isInbound).toList();
        if (inbound.size() > config.maxInboundPerPeer()) {
            inbound.get(0).sayGoodbye("more than " + config.maxInboundPerPeer() + " connections of one node");
        }
    }

    void received(PeerIdentity from, byte[] payload) {
        try {
            listener.received(from, payload);
        } catch (RuntimeException e) {
            LOG.warn("a message of {} bytes from node {} was not taken: {}", payload.length, from.id(), e.toString(), e);
        }
    }

    void arriving(NodeId from) {
        try {
            listener.arriving(from);
        } catch (RuntimeException e) {
            LOG.warn("that a message of node {} arrives could not be told: {}", from, e.toString(), e);
        }
    }

    void ended(Connection connection, boolean wasEstablished, boolean orderly, RefusedConnection reason, String why) {
        halfOpenInbound.remove(connection);
        Endpoint target = dialled.remove(connection);
        if (!wasEstablished) {
            if (!closing && connection.wasOpened()) { // else there was nobody to shake hands with
                counters.refused(reason);
                logRefusal(connection, why);
            }
            if (target != null) {
                dialFailed(target, why);
            }
            return;
        }
        Set<Connection> ofPeer = established.get(connection.peerId());
        if (ofPeer == null || !ofPeer.remove(connection)) {
            return; // over the limit from the start
        }
        establishedCount--;
        if (ofPeer.isEmpty()) {
            established.remove(connection.peerId());
        }
        links.values().forEach(link -> link.lost(connection));
        LOG.debug("connection to {} ended: {}", connection, why);
        if (!orderly && !closing && ofPeer.isEmpty()) {
            tellLost(connection.peerId());
        }
    }

    private void tellLost(NodeId peer) {
        try {
            listener.connectionLost(peer);
        } catch (RuntimeException e) {
            LOG.warn("that node {} was lost could not be told: {}", peer, e.toString(), e);
        }
    }

    /** Strangers can cause these at will, so the log takes one in ten seconds. */
    private void logRefusal(Connection connection, String why) {
        long now = System.nanoTime();
        if (now - lastRefusalLogNanos >= REFUSAL_LOG_PAUSE_NANOS) {
            lastRefusalLogNanos = now;
            LOG.warn("connection {} {} refused: {} ({} refused so far)", connection.isInbound() ? "from" : "to", connection, why,
                    counters.refusedHandshakes.sum());
        }
    }
}
