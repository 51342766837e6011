package dev.starling.node.network;

import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.PortReservation;
import dev.starling.scheduler.model.HostPort;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The ports of this host that services have. Each is held by a socket: rules would otherwise take a port away from a program that listens on it
 * (sshd, say) without a word, and a program that comes later would seem to listen and hear nothing.
 */
final class HeldPorts implements AutoCloseable {
    private final Map<String, PortReservation> held = new TreeMap<>();
    /** "tcp/8080" to why it could not be had. */
    private final Map<String, String> refused = new TreeMap<>();
    private boolean closed;

    /** @return whether this node has the port ("tcp/8080") from now on; {@link #refusal} says why not */
    synchronized boolean take(String port) {
        if (held.containsKey(port)) {
            return true;
        }
        if (closed) { // else this process would have it for ever, and whoever follows in it would not
            throw new IllegalStateException("port " + port + " is not taken any more: this node's part in the swarm has ended");
        }
        HostPort asked = HostPort.of(port);
        try {
            held.put(port, PortReservation.take(asked.protocol().equals("tcp"), asked.number()));
            refused.remove(port);
            return true;
        } catch (NetlinkException e) {
            refused.put(port, "port " + asked.number() + "/" + asked.protocol()
                    + " of this node is in use by another process: " + e.getMessage());
            return false;
        }
    }

    synchronized String refusal(String port) {
        return refused.getOrDefault(port, "");
    }

    synchronized Collection<String> refusals() {
        return java.util.List.copyOf(refused.values());
    }

    synchronized void releaseAllBut(Set<String> wanted) {
        held.entrySet().removeIf(entry -> {
            if (wanted.contains(entry.getKey())) {
                return false;
            }
            entry.getValue().close();
            return true;
        });
        refused.keySet().retainAll(wanted);
    }

    @Override
    public synchronized void close() {
        closed = true;
        releaseAllBut(Set.of());
    }
}
