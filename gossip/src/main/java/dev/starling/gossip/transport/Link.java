package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The way to one address: the connection in use, or what waits while one is dialled, or the pause after a failed dial in which
 * everything fails at once (so that nothing piles up for a peer that is off). All methods run on the event loop thread.
 */
final class Link {
    private final Endpoint to;
    private final Switchboard owner;
    private final TransportConfig config;
    private final Deque<Outbound> waiting = new ArrayDeque<>();
    private int waitingBytes;
    private Connection current;
    private boolean dialling;
    private NodeId lastPeer;
    private TransportException lastFailure;
    private int failures;
    private long retryAtNanos;
    private long lastUseNanos;

    Link(Endpoint to, Switchboard owner, TransportConfig config) {
        this.to = to;
        this.owner = owner;
        this.config = config;
    }

    void submit(Outbound outbound, long nowNanos) {
        lastUseNanos = nowNanos;
        if (current != null) {
            send(outbound);
        } else if (failures > 0 && nowNanos - retryAtNanos < 0 && !dialling) {
            outbound.fail(lastFailure);
        } else if (waiting.size() >= config.queueFrames() || waitingBytes + outbound.size() > config.queueBytes()) {
            outbound.fail(TransportException.busy("the queue to " + to + " is full, its connection is being made"));
        } else {
            waiting.add(outbound);
            waitingBytes += outbound.size();
            if (!dialling) {
                dialling = true;
                owner.dial(to);
            }
        }
    }

    private void send(Outbound outbound) {
        if (current == null) { // the one before it broke the connection
            outbound.fail(TransportException.lost(to.toString(), "it broke while it was being used"));
        } else if (outbound instanceof Outbound.Call call) {
            current.send(call);
        } else if (outbound instanceof Outbound.OneWay message) {
            current.send(message);
        }
    }

    /** A dialled connection is ready. */
    void connected(Connection connection) {
        dialling = false;
        use(connection);
    }

    /** The peer that listens here has connected to us: its connection serves both ways, unless a good one is there already. */
    void offered(Connection connection, long nowNanos) {
        if (current == null) {
            use(connection);
        } else if (current.isDoubtful(nowNanos)) {
            Connection old = current;
            use(connection);
            old.refuse("replaced by a newer connection from the same address");
        }
    }

    private void use(Connection connection) {
        current = connection;
        lastPeer = connection.peerId();
        failures = 0;
        List<Outbound> now = List.copyOf(waiting);
        waiting.clear();
        waitingBytes = 0;
        now.forEach(this::send);
    }

    /** The dial failed. Returns the node that used to answer here, or null. */
    NodeId failed(String why, long nowNanos) {
        dialling = false;
        if (current != null) {
            return null; // an inbound connection came first
        }
        lastFailure = TransportException.unreachable(to, new java.net.ConnectException(why));
        long pause = Math.min(config.retryMax().toNanos(), config.retryMin().toNanos() << Math.min(failures, 16));
        failures++;
        retryAtNanos = nowNanos + pause;
        List<Outbound> lost = List.copyOf(waiting);
        waiting.clear();
        waitingBytes = 0;
        lost.forEach(outbound -> outbound.fail(lastFailure));
        return lastPeer;
    }

    void lost(Connection connection) {
        if (current == connection) {
            current = null;
        }
    }

    boolean isUnused(long nowNanos) {
        return current == null && !dialling && nowNanos - lastUseNanos > config.idleTimeout().toNanos();
    }

    void close() {
        List.copyOf(waiting).forEach(outbound -> outbound.fail(TransportException.closed()));
        waiting.clear();
    }
}
