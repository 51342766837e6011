package dev.starling.node.agent;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.store.NodeStore;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes to this node's disk, on a thread of its own, so that a slow disk never holds up a probe. What gathers while a transaction runs
 * goes into the next one: one fsync for many changes. A write that fails is logged and counted; the node goes on with what it has in
 * memory and does not acknowledge what it could not keep.
 */
final class Storage implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Storage.class);

    /** One core step's worth of writes and what waits for them. */
    record Batch(List<DesiredObject> desired, Map<String, Optional<Bytes>> record, Collection<Member> members, Outcome then) {}

    @FunctionalInterface
    interface Outcome {
        void done(boolean stored);
    }

    private final NodeStore store;
    private final LongAdder failures = new LongAdder();
    private final List<Batch> waiting = new ArrayList<>();
    private final Thread thread = new Thread(this::run, "storage");
    private boolean closed;

    Storage(NodeStore store) {
        this.store = store;
        thread.start();
    }

    void submit(Batch batch) {
        synchronized (waiting) {
            waiting.add(batch);
            waiting.notifyAll();
        }
    }

    long failures() {
        return failures.sum();
    }

    private void run() {
        List<Batch> batches;
        while (!(batches = take()).isEmpty()) {
            boolean stored = write(batches);
            for (Batch batch : batches) {
                try {
                    batch.then().done(stored);
                } catch (RuntimeException e) {
                    LOG.error("what followed a write failed: {}", e.toString(), e);
                }
            }
        }
    }

    private List<Batch> take() {
        synchronized (waiting) {
            while (waiting.isEmpty() && !closed) {
                try {
                    waiting.wait();
                } catch (InterruptedException e) {
                    closed = true;
                }
            }
            List<Batch> taken = List.copyOf(waiting);
            waiting.clear();
            return taken;
        }
    }

    private boolean write(List<Batch> batches) {
        List<DesiredObject> desired = new ArrayList<>();
        Map<String, Optional<Bytes>> record = new LinkedHashMap<>();
        Collection<Member> members = null;
        for (Batch batch : batches) {
            desired.addAll(batch.desired());
            record.putAll(batch.record());
            members = batch.members() != null ? batch.members() : members;
        }
        try {
            if (!desired.isEmpty()) {
                store.saveDesired(desired);
            }
            if (!record.isEmpty()) {
                store.saveRecord(record);
            }
            if (members != null) {
                store.saveMembers(members);
            }
            return true;
        } catch (RuntimeException e) {
            failures.increment();
            LOG.error("{} desired objects and {} record keys could not be written to disk; the node goes on without: {}",
                    desired.size(), record.size(), e.getMessage());
            return false;
        }
    }

    /** Writes what waits, then ends. */
    @Override
    public void close() {
        synchronized (waiting) {
            closed = true;
            waiting.notifyAll();
        }
        try {
            thread.join(10_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
