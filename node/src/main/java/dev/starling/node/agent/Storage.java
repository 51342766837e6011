package dev.starling.node.agent;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.store.NodeStore;
import dev.starling.gossip.store.StoreException;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes to this node's disk, on a thread of its own, so that a slow disk never holds up a probe. What gathers while a transaction runs
 * goes into the next one: one fsync for many changes. What nobody waits for gathers for seconds ({@link Urgency}): cards wear out by
 * writes. Each transaction takes all there is, so the disk always holds a state that the core has been in.
 *
 * <p>A write that fails is told to who waits for it; what it held is kept ({@link Unsaved}) and tried again until the disk takes it. A
 * write that takes longer than its patience counts as failed for those who wait: a disk that hangs keeps no task from
 * running. A database that was damaged or removed, or gave I/O errors, is opened anew and gets all that the core knows ({@link Refill}).
 */
final class Storage implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Storage.class);
    /** Below what an operator's write waits in all ({@link PendingWrites}), so that the answer names the disk. */
    static final long PATIENCE_MILLIS = 8_000;
    private static final long FIRST_RETRY_MILLIS = 1_000;
    private static final long LAST_RETRY_MILLIS = 30_000;
    /** How often an idle disk is asked whether the database is still where it was. */
    private static final long LOOK_AFTER_MILLIS = 10_000;
    private static final long CLOSE_MILLIS = 10_000;
    private static final int MAX_WAITING = 10_000;

    /** How soon a batch has to be on disk. */
    enum Urgency {
        /** Its outcome waits for it: a claim whose container is to start, desired state to acknowledge. */
        NOW(0),
        /** Addresses to come back to: with them a node that has just joined finds the others after a power cut. */
        SOON(1_000),
        /** A task's progress: after a power cut the container itself tells it. */
        LATER(10_000);

        private final long withinMillis;

        Urgency(long withinMillis) {
            this.withinMillis = withinMillis;
        }
    }

    /** One core step's worth of writes. @param members null where they have not changed @param then null where nothing follows */
    record Batch(List<DesiredObject> desired, Map<String, Optional<Bytes>> record, Collection<Member> members, Urgency urgency, Outcome then) {}

    /** Follows a batch: after the disk where that is urgent, at once where it is not, and always in the order of submission. */
    @FunctionalInterface
    interface Outcome {
        /** @param trouble null where the batch is on disk, or was not urgent; otherwise why it is not, for people to read */
        void done(String trouble);
    }

    /** Where the content of a database that was opened anew comes from. */
    interface Refill {
        /** All that the core knows, in one batch, asked for on the storage thread. What it throws is a failed write, tried again. */
        Batch everything();
    }

    private record Waiting(long number, boolean isUrgent, Outcome then, long since) {}

    private final NodeStore store;
    private final Refill refill;
    private final Runnable onTrouble;
    private final long patienceMillis;
    private final ScheduledFuture<?> patience;
    private final LongAdder failures = new LongAdder();
    private final LongAdder transactions = new LongAdder();
    private final LongAdder writeNanos = new LongAdder();
    private final Thread thread = new Thread(this::run, "storage");
    /** Held while outcomes run, by whichever thread, so that they keep their order. Taken before {@link #lock}, never inside it. */
    private final Object outcomes = new Object();

    private final Object lock = new Object(); // guards what follows
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private Unsaved unsaved = new Unsaved();
    private int inFlight;
    private long lastNumber;
    private long writeAt = Long.MAX_VALUE;
    /** After a failure no attempt comes before this, however urgent. */
    private long notBefore;
    private String trouble;
    private boolean closed;

    private boolean opensAnew; // the storage thread's alone, as are these
    private long retryMillis = FIRST_RETRY_MILLIS;
    private long lookAfterAt = now() + LOOK_AFTER_MILLIS;

    /** @param onTrouble called where {@link #trouble} has changed, on any thread: take note, do not work */
    Storage(NodeStore store, Refill refill, ScheduledExecutorService timer, Runnable onTrouble, long patienceMillis) {
        this.store = store;
        this.refill = refill;
        this.onTrouble = onTrouble;
        this.patienceMillis = patienceMillis;
        this.patience = timer.scheduleWithFixedDelay(this::runOutOfPatience, patienceMillis / 8, patienceMillis / 8, TimeUnit.MILLISECONDS);
        thread.start();
    }

    private static long now() {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
    }

    void submit(Batch batch) {
        synchronized (lock) {
            unsaved.add(batch);
            if (batch.then() != null) {
                waiting.add(new Waiting(++lastNumber, batch.urgency() == Urgency.NOW, batch.then(), now()));
            }
            writeAt = Math.min(writeAt, now() + batch.urgency().withinMillis);
            lock.notifyAll();
        }
    }

    /** Why the disk takes no writes, where and what to do, the same text for as long as it is the same trouble; null where it does. */
    String trouble() {
        synchronized (lock) {
            return trouble;
        }
    }

    /** Values that the disk does not have yet. */
    int unsaved() {
        synchronized (lock) {
            return unsaved.size() + inFlight;
        }
    }

    long failures() {
        return failures.sum();
    }

    long transactions() {
        return transactions.sum();
    }

    double writeSeconds() {
        return writeNanos.sum() / 1e9;
    }

    private void run() {
        while (waitForWork()) {
            runOutcomes(0, null);
            if (isWriteDue()) {
                write();
            }
            if (now() >= lookAfterAt) {
                lookAfter();
            }
        }
        write();
    }

    /** False once this is closed. */
    private boolean waitForWork() {
        synchronized (lock) {
            while (!closed && !isWriteDue() && now() < lookAfterAt && (waiting.isEmpty() || waiting.peek().isUrgent())) {
                try {
                    lock.wait(Math.max(1, Math.min(Math.max(writeAt, notBefore), lookAfterAt) - now()));
                } catch (InterruptedException e) {
                    closed = true;
                }
            }
            return !closed;
        }
    }

    private boolean isWriteDue() {
        synchronized (lock) {
            return now() >= Math.max(writeAt, notBefore);
        }
    }

    private void write() {
        Unsaved taken;
        long through;
        synchronized (lock) {
            taken = unsaved;
            unsaved = new Unsaved();
            inFlight = taken.size();
            through = lastNumber;
            writeAt = Long.MAX_VALUE;
        }
        String failure = attempt(taken);
        synchronized (lock) {
            inFlight = 0;
            if (failure != null) {
                unsaved.giveBack(taken);
                notBefore = now() + FIRST_RETRY_MILLIS;
                writeAt = Math.min(writeAt, now() + retryMillis);
                retryMillis = Math.min(2 * retryMillis, LAST_RETRY_MILLIS);
            } else {
                retryMillis = FIRST_RETRY_MILLIS;
            }
        }
        trouble(failure);
        runOutcomes(through, failure);
    }

    /** Null where all of it is on disk. */
    private String attempt(Unsaved taken) {
        long started = System.nanoTime();
        try {
            if (opensAnew) {
                fillAnew();
            } else if (!taken.isEmpty()) {
                save(taken);
            }
            return null;
        } catch (RuntimeException e) {
            failures.increment();
            LOG.error("{} values are not on disk; the node goes on without and tries again: {}", taken.size(), e.getMessage());
            return e instanceof StoreException known ? known.trouble() : "the node's store cannot be written: " + e.getMessage();
        } finally {
            if (!taken.isEmpty()) {
                transactions.increment();
                writeNanos.add(System.nanoTime() - started);
            }
        }
    }

    private void save(Unsaved taken) {
        try {
            store.save(taken.desired(), taken.record(), taken.members());
        } catch (StoreException e) {
            switch (e.reason()) {
                case LOST, CORRUPT, OTHER -> opensAnew = true;
                case FULL, READ_ONLY, IN_USE, TOO_NEW -> throw e;
            }
            failures.increment();
            LOG.error("{}; it is opened anew", e.getMessage());
            fillAnew();
        }
    }

    /** All that was taken to be written is in what the core knows, or was overtaken by it. */
    private void fillAnew() {
        store.reopen();
        Batch all = refill.everything();
        store.replaceAll(all.desired(), all.record(), all.members());
        opensAnew = false;
        LOG.warn("{} was opened anew; it holds all {} objects and {} keys that this node knows", store, all.desired().size(), all.record().size());
    }

    private void lookAfter() {
        lookAfterAt = now() + LOOK_AFTER_MILLIS;
        try {
            store.requireInPlace();
        } catch (StoreException e) {
            LOG.error("{}", e.getMessage());
            opensAnew = true;
            write();
        }
    }

    /** On the timer's thread: the storage thread may hang in a write, and what waits for it must not. */
    private void runOutOfPatience() {
        long through = 0;
        synchronized (lock) {
            int tooMany = waiting.size() - MAX_WAITING;
            for (Waiting batch : waiting) {
                if (now() - batch.since() < patienceMillis && tooMany-- <= 0) {
                    break;
                }
                through = batch.number();
            }
        }
        if (through > 0) {
            String slow = store + " has not taken a write within " + patienceMillis / 1000 + " s: the disk is slow or hangs";
            trouble(slow);
            runOutcomes(through, slow);
        }
    }

    /** Runs what follows the batches up to {@code through}, then what is next and waits for no disk. */
    private void runOutcomes(long through, String why) {
        synchronized (outcomes) {
            for (Waiting next = next(through); next != null; next = next(through)) {
                try {
                    next.then().done(next.isUrgent() ? why : null);
                } catch (RuntimeException e) {
                    LOG.error("what followed a write failed: {}", e.toString(), e);
                }
            }
        }
    }

    private Waiting next(long through) {
        synchronized (lock) {
            Waiting first = waiting.peek();
            return first != null && (first.number() <= through || !first.isUrgent()) ? waiting.poll() : null;
        }
    }

    private void trouble(String now) {
        String before;
        synchronized (lock) {
            before = trouble;
            trouble = now;
        }
        if (before != null && now == null) {
            LOG.info("the disk takes writes again, and has all that it had missed");
        }
        if (!Objects.equals(before, now)) {
            try {
                onTrouble.run();
            } catch (RuntimeException e) {
                LOG.error("nobody could be told that the disk's state is another one: {}", e.toString(), e);
            }
        }
    }

    /** Writes what waits, then ends. */
    @Override
    public void close() {
        patience.cancel(false);
        synchronized (lock) {
            closed = true;
            lock.notifyAll();
        }
        try {
            thread.join(CLOSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
