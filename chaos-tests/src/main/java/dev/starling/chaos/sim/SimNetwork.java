package dev.starling.chaos.sim;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/**
 * The wires between simulated nodes: a delay and its jitter, loss, duplication, and links that are cut, each direction by itself. Messages
 * travel as the bytes of the real codec ({@link Wire}); a larger delay than a later message's reorders them.
 */
public final class SimNetwork {
    private record Link(NodeId from, NodeId to) implements Comparable<Link> {
        @Override
        public int compareTo(Link other) {
            int byFrom = from.compareTo(other.from);
            return byFrom != 0 ? byFrom : to.compareTo(other.to);
        }
    }

    private final EventQueue events;
    private final RandomGenerator random;
    private final TreeMap<Endpoint, SimNode> byEndpoint = new TreeMap<>();
    private final Set<Link> cut = new TreeSet<>();
    private long delayMillis = 1;
    private long jitterMillis = 1;
    private double loss;
    private double duplication;
    private long delivered;
    private long bytes;

    SimNetwork(EventQueue events, RandomGenerator random) {
        this.events = events;
        this.random = random;
    }

    void attach(SimNode node) {
        byEndpoint.put(node.endpoint(), node);
    }

    public void delay(long millis, long jitter) {
        delayMillis = millis;
        jitterMillis = jitter;
    }

    /** @param share of messages, 0 to 1 */
    public void loss(double share) {
        loss = share;
    }

    public void duplication(double share) {
        duplication = share;
    }

    /** Cuts one direction. */
    public void cut(NodeId from, NodeId to) {
        cut.add(new Link(from, to));
    }

    public void heal() {
        cut.clear();
        loss = 0;
        duplication = 0;
        delay(1, 1);
    }

    public void restore(NodeId from, NodeId to) {
        cut.remove(new Link(from, to));
    }

    public boolean isCut(NodeId from, NodeId to) {
        return cut.contains(new Link(from, to));
    }

    public long delivered() {
        return delivered;
    }

    public long bytes() {
        return bytes;
    }

    void send(SimNode from, Endpoint to, Wire.Carried message) {
        SimNode target = byEndpoint.get(to);
        if (target == null || isCut(from.id(), target.id()) || random.nextDouble() < loss) {
            return;
        }
        deliver(from, target, message);
        if (random.nextDouble() < duplication) {
            deliver(from, target, message);
        }
    }

    private void deliver(SimNode from, SimNode target, Wire.Carried message) {
        Role role = from.role();
        long delay = delayMillis + (jitterMillis > 0 ? random.nextLong(jitterMillis + 1) : 0);
        events.after(delay, () -> {
            delivered++;
            bytes += message.bytes();
            target.arrived(from, role, message);
        });
    }
}
