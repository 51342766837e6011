package dev.starling.gossip.atomix;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The members that are up, told by the node as its gossip machine learns of them. The one place where Atomix' view is written:
 * membership protocol, discovery and sender addresses all read it. Safe for any thread; listeners run on the caller's.
 */
public final class MembershipFeed {
    /** A member that is up. */
    public record Entry(NodeId id, Endpoint endpoint, Role role) {
        public Entry {
            Objects.requireNonNull(id, "id");
            Objects.requireNonNull(endpoint, "endpoint");
            Objects.requireNonNull(role, "role");
        }
    }

    /** {@code before == null}: came up. {@code now == null}: went down. Both: another address or role. */
    record Change(Entry before, Entry now) {}

    @FunctionalInterface
    interface Listener {
        void changed(Change change);
    }

    private final TreeMap<NodeId, Entry> up = new TreeMap<>();
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();

    /** {@code member} is up, at this address and with this role. Nothing new: nothing happens. */
    public void memberUp(NodeId id, Endpoint endpoint, Role role) {
        Entry now = new Entry(id, endpoint, role);
        Entry before;
        synchronized (up) {
            before = up.put(id, now);
        }
        if (!now.equals(before)) {
            tell(new Change(before, now));
        }
    }

    /** The member is dead, has left or was removed. */
    public void memberDown(NodeId id) {
        Entry before;
        synchronized (up) {
            before = up.remove(id);
        }
        if (before != null) {
            tell(new Change(before, null));
        }
    }

    public Optional<Entry> find(NodeId id) {
        synchronized (up) {
            return Optional.ofNullable(up.get(id));
        }
    }

    public Optional<Entry> at(Endpoint endpoint) {
        synchronized (up) {
            return up.values().stream().filter(entry -> entry.endpoint().equals(endpoint)).findFirst();
        }
    }

    /** The members that are up, by id. */
    public Collection<Entry> members() {
        synchronized (up) {
            return new ArrayList<>(up.values());
        }
    }

    void listen(Listener listener) {
        listeners.add(listener);
    }

    void stopListening(Listener listener) {
        listeners.remove(listener);
    }

    private void tell(Change change) {
        listeners.forEach(listener -> listener.changed(change));
    }

    @Override
    public String toString() {
        synchronized (up) {
            return "MembershipFeed" + Map.copyOf(up).keySet();
        }
    }
}
