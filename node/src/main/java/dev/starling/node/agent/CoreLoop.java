package dev.starling.node.agent;

import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeCore;
import dev.starling.node.core.NodeEffect;
import dev.starling.node.host.AgentClock;
import dev.starling.scheduler.model.Time;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that a {@link NodeCore} lives on. Inputs wait in a bounded {@link Inbox}; after each batch of them, which is short in
 * time too, the core settles once and its effects go to the sink. An input that throws is logged with its stack and ends nothing else.
 */
final class CoreLoop implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CoreLoop.class);
    private static final int BATCH = 256;
    /** An answer to a probe leaves after its batch. */
    private static final long BATCH_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final long LONGEST_WAIT_MILLIS = 1_000;

    private final NodeCore core;
    private final AgentClock clock;
    private final Consumer<List<NodeEffect>> sink;
    private final Inbox inbox = new Inbox();
    private final LongAdder dropped = new LongAdder();
    /** Not answered yet. No more than fit into the inbox, and the one in work. */
    private final Set<CompletableFuture<?>> questions = ConcurrentHashMap.newKeySet();
    private final Thread thread;
    private volatile ClusterSnapshot snapshot;
    private volatile Consumer<ClusterSnapshot> onSnapshot = changed -> { };
    private volatile boolean closed;

    CoreLoop(NodeCore core, AgentClock clock, Consumer<List<NodeEffect>> sink) {
        this.core = core;
        this.clock = clock;
        this.sink = sink;
        this.snapshot = core.snapshot();
        this.thread = new Thread(this::run, "core");
    }

    /** Called on the core's thread with each new snapshot: hand it on, do not work on it. */
    void onSnapshot(Consumer<ClusterSnapshot> listener) {
        onSnapshot = listener;
    }

    void start() {
        thread.start();
    }

    ClusterSnapshot snapshot() {
        return snapshot;
    }

    /** Inputs that found the queue full and may be lost: messages, which gossip repairs. */
    boolean offer(BiConsumer<NodeCore, Time> input) {
        return offer(input, false);
    }

    /** {@code urgent}: goes ahead of those that are not. */
    boolean offer(BiConsumer<NodeCore, Time> input, boolean urgent) {
        if (inbox.offer(input, urgent)) {
            return true;
        }
        dropped.increment();
        return false;
    }

    /** Inputs that must not be lost: waits for room. Never called on the core's own thread. */
    void tell(BiConsumer<NodeCore, Time> input) {
        try {
            while (!closed && !inbox.put(input, LONGEST_WAIT_MILLIS)) {
                LOG.warn("the core's queue of {} inputs is full; waiting", Inbox.CAPACITY);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Runs {@code question} on the core and hands its answer or its exception to the future, which fails where the core ends before. */
    <T> CompletableFuture<T> ask(BiFunction<NodeCore, Time, T> question) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        questions.add(answer);
        answer.whenComplete((done, failure) -> questions.remove(answer));
        boolean taken = offer((node, now) -> {
            try {
                answer.complete(question.apply(node, now));
            } catch (RuntimeException e) {
                answer.completeExceptionally(e);
            }
        });
        if (!taken) {
            answer.completeExceptionally(new RejectedExecutionException("the node is too busy: " + Inbox.CAPACITY + " inputs wait; try again"));
        }
        if (closed) {
            refuse(answer);
        }
        return answer;
    }

    private static void refuse(CompletableFuture<?> question) {
        question.completeExceptionally(new RejectedExecutionException("this node's membership ends, or begins anew in another role; try again"));
    }

    long droppedInputs() {
        return dropped.sum();
    }

    int waiting() {
        return inbox.size();
    }

    private void run() {
        while (!closed) {
            try {
                takeInputs();
                guarded(() -> {
                    Time now = clock.now();
                    core.tick(now);
                    core.settle(now);
                });
                publish();
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void takeInputs() throws InterruptedException {
        long wait = Math.min(LONGEST_WAIT_MILLIS, core.nextTick() - clock.now().monotonicMillis());
        BiConsumer<NodeCore, Time> next = inbox.poll(wait);
        long end = System.nanoTime() + BATCH_NANOS;
        for (int taken = 1; next != null; taken++) {
            BiConsumer<NodeCore, Time> input = next;
            guarded(() -> input.accept(core, clock.now()));
            next = taken < BATCH && System.nanoTime() - end < 0 ? inbox.poll(0) : null;
        }
    }

    private void publish() {
        guarded(() -> {
            // first the snapshot: what carries out an effect, on whichever thread, finds the state that the effect comes from
            ClusterSnapshot before = snapshot;
            snapshot = core.snapshot();
            List<NodeEffect> effects = core.drain();
            if (!effects.isEmpty()) {
                sink.accept(effects);
            }
            if (snapshot != before) {
                onSnapshot.accept(snapshot);
            }
        });
    }

    private static void guarded(Runnable step) {
        try {
            step.run();
        } catch (RuntimeException e) {
            LOG.error("an input to the core failed and was left out: {}", e.toString(), e);
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        if (Thread.currentThread() != thread) {
            try {
                thread.join(TimeUnit.SECONDS.toMillis(5));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        questions.forEach(CoreLoop::refuse); // nobody will take them out of the inbox any more
    }
}
