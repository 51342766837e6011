package dev.starling.runtime.supervision;

import dev.starling.runtime.RuntimeShimException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The containers of a runtime, by id, and the ids that are in somebody's hands: one that starts is not there yet, one that is being removed still is. Nobody
 * waits for a disk or a process while the table is locked.
 */
final class ContainerTable {
    /** Guarded by this, as is the other. */
    private final Map<String, Supervised> containers = new TreeMap<>();
    private final Set<String> reserved = new HashSet<>();

    synchronized void add(Supervised container) {
        containers.put(container.id(), container);
    }

    /** For a container that is to be started: {@link #release} it afterwards. @throws RuntimeShimException CONFLICT where there is one of that id */
    synchronized void reserve(String id) {
        if (containers.containsKey(id) || !reserved.add(id)) {
            throw RuntimeShimException.conflict("container " + id + " exists already");
        }
    }

    /**
     * For its removal: {@link #release} its id afterwards.
     *
     * @return false where another thread removes it or has done so; then there may be a new one of that id
     */
    synchronized boolean reserve(Supervised container) {
        return containers.get(container.id()) == container && reserved.add(container.id());
    }

    synchronized void release(String id) {
        reserved.remove(id);
    }

    synchronized void remove(Supervised container) {
        containers.remove(container.id());
    }

    /** By id. */
    synchronized List<Supervised> all() {
        return List.copyOf(containers.values());
    }

    /** Null where there is none. */
    synchronized Supervised find(String id) {
        return containers.get(id);
    }

    Supervised require(String id) {
        Supervised container = find(id);
        if (container == null) {
            throw RuntimeShimException.notFound("No such container: " + id);
        }
        return container;
    }

    Supervised requireRunning(String id) {
        Supervised container = require(id);
        if (container.state().hasEnded()) {
            throw RuntimeShimException.conflict("container " + id + " is not running");
        }
        return container;
    }
}
