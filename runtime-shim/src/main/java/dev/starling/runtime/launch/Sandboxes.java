package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Kernel;
import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A few sandboxes made ahead of time, so that a start finds its namespaces and control groups there; they are a third of what it costs. One that is taken
 * is replaced once its container runs: then the processor is less in demand. Where none is ready a start makes its own: nobody waits for this.
 */
final class Sandboxes {
    private static final Logger LOG = LoggerFactory.getLogger(Sandboxes.class);

    private final Kernel kernel;
    private final Cgroups cgroups;
    private final int size;
    /** Guarded by this, as are the others. */
    private final Deque<Sandbox> waiting = new ArrayDeque<>();
    private long made;
    private boolean closed;

    /** @param size how many are kept; 0 for none */
    Sandboxes(Kernel kernel, Cgroups cgroups, int size) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.size = size;
    }

    /** Null where none is ready. It is the caller's, who lets it serve or discards it. */
    synchronized Sandbox take() {
        for (Sandbox sandbox : waiting) {
            if (!sandbox.isReady()) {
                continue;
            }
            waiting.remove(sandbox);
            return sandbox;
        }
        return null;
    }

    /** Makes those that are missing; returns at once. */
    synchronized void replenish() {
        if (closed) {
            return;
        }
        waiting.removeIf(this::isLost);
        while (waiting.size() < size) {
            waiting.add(new Sandbox(kernel, cgroups, "sandbox-" + made++));
        }
    }

    private boolean isLost(Sandbox sandbox) {
        if (sandbox.failure() == null) {
            return false;
        }
        LOG.warn("a sandbox could not be made ahead of time: {}", sandbox.failure().toString());
        discard(sandbox);
        return true;
    }

    private static void discard(Sandbox sandbox) {
        try {
            sandbox.discard();
        } catch (RuntimeShimException e) {
            LOG.warn("a sandbox stays until the agent's next start: {}", e.toString());
        }
    }

    synchronized void close() {
        closed = true;
        waiting.forEach(Sandboxes::discard);
        waiting.clear();
    }
}
