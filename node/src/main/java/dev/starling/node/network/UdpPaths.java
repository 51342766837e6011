package dev.starling.node.network;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.xfrm.EncapsulationSocket;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@link PathFinder} on the UDP port of this host's ESP, with a thread of its own. The port is open while there are peers that need it: the kernel takes in ESP inside
 * UDP as long as somebody has the socket. While an agent restarts nobody does, and such peers hear nothing of this node for that time.
 */
public final class UdpPaths implements TunnelPaths, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(UdpPaths.class);

    private final Supplier<EncapsulationSocket> port;
    private final PathFinder finder;
    private final Runnable changed;
    /** Under {@code this}, as the finder. */
    private Listener listener;

    /** @param changed told, by the thread, when a path was found or has changed */
    public UdpPaths(Supplier<EncapsulationSocket> port, RandomGenerator random, Runnable changed) {
        this.port = port;
        this.finder = new PathFinder(random);
        this.changed = changed;
    }

    @Override
    public synchronized void follow(NodeId self, SortedMap<NodeId, PathFinder.Peer> peers) {
        finder.follow(self, peers, millis());
        if (peers.isEmpty()) {
            close();
        } else if (listener == null) {
            listener = new Listener(port.get());
            listener.start();
        }
    }

    @Override
    public synchronized SortedMap<NodeId, Endpoint> found() {
        return listener == null ? Collections.emptySortedMap() : finder.paths();
    }

    @Override
    public synchronized Optional<Endpoint> seenAs() {
        return listener == null ? Optional.empty() : finder.seenAs();
    }

    private static long millis() {
        return System.nanoTime() / 1_000_000;
    }

    @Override
    public synchronized void close() {
        if (listener != null) {
            listener.ended = true;
            listener = null;
        }
    }

    /** Closes its socket itself: a descriptor must not be closed, and its number used for another file, while it is read from. */
    private final class Listener extends Thread {
        private final EncapsulationSocket socket;
        private volatile boolean ended;
        private Object last = Collections.emptySortedMap();

        Listener(EncapsulationSocket socket) {
            super("tunnel-paths");
            this.socket = socket;
            setDaemon(true);
        }

        @Override
        public void run() {
            try (socket) {
                while (!ended) {
                    try {
                        turn();
                    } catch (NetlinkException e) {
                        LOG.debug("{}", e.getMessage());
                    }
                }
            }
        }

        private void turn() {
            Optional<EncapsulationSocket.Datagram> received = socket.receive();
            List<PathFinder.Packet> packets = new ArrayList<>();
            boolean news;
            synchronized (UdpPaths.this) {
                if (ended) {
                    return;
                }
                received.ifPresent(datagram -> packets.addAll(finder.received(new Endpoint(datagram.host(), datagram.port()), datagram.payload(), millis())));
                packets.addAll(finder.tick(millis()));
                Object now = List.of(finder.paths(), finder.seenAs());
                news = !now.equals(last);
                last = now;
            }
            packets.forEach(this::send);
            if (news) {
                changed.run();
            }
        }

        private void send(PathFinder.Packet packet) {
            try {
                socket.send(new EncapsulationSocket.Datagram(packet.to().host(), packet.to().port(), packet.payload()));
            } catch (NetlinkException unreachable) {
                LOG.debug("{}", unreachable.getMessage()); // no route to one candidate, say
            }
        }
    }
}
