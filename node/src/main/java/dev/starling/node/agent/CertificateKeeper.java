package dev.starling.node.agent;

import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.Renewal;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that this node's certificate is valid and is for the role that its document says: looks every few seconds (the wall clock may
 * jump, so no timer is set for a day in weeks), renews when it is time or the role has changed, tries again with growing pauses.
 */
final class CertificateKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CertificateKeeper.class);
    private static final long LOOK_SECONDS = 10;
    private static final long FIRST_PAUSE_MILLIS = 500;
    private static final long LONGEST_PAUSE_MILLIS = 600_000;

    /** The node whose certificate is kept. */
    interface Node {
        NodeCredentials credentials();

        /** What its document says; the certificate's role where there is none. */
        Role wantedRole();

        /** Gets a certificate for {@link #wantedRole} and takes it into use. */
        CompletionStage<Void> renew();
    }

    private final Node node;
    private final ScheduledExecutorService timer;
    private final RandomGenerator random;
    private final LongAdder failed = new LongAdder();
    private ScheduledFuture<?> looking;
    private NodeCredentials planned;
    private Renewal plan;
    private int failures;
    private long pausedUntilNanos = System.nanoTime();
    private boolean busy;
    private boolean closed;

    CertificateKeeper(Node node, ScheduledExecutorService timer, RandomGenerator random) {
        this.node = node;
        this.timer = timer;
        this.random = random;
    }

    synchronized void start() {
        looking = timer.scheduleWithFixedDelay(this::look, 0, LOOK_SECONDS, TimeUnit.SECONDS);
    }

    /** The document may say another role now: looks at once. Any thread; returns at once. */
    void roleMayHaveChanged() {
        try {
            timer.execute(this::look);
        } catch (RejectedExecutionException e) {
            LOG.debug("the agent ends");
        }
    }

    /** For the metric: seconds until the certificate ends, below 0 once it has. */
    double secondsLeft() {
        return Duration.between(Instant.now(), node.credentials().identity().validUntil()).toMillis() / 1000.0;
    }

    long failures() {
        return failed.sum();
    }

    private void look() {
        synchronized (this) {
            if (closed || busy || System.nanoTime() - pausedUntilNanos < 0 || !isDue(Instant.now())) {
                return;
            }
            busy = true;
        }
        CompletionStage<Void> renewal;
        try {
            renewal = node.renew();
        } catch (RuntimeException e) {
            renewal = CompletableFuture.failedFuture(e);
        }
        renewal.whenComplete((done, failure) -> ended(failure));
    }

    private boolean isDue(Instant now) {
        NodeCredentials current = node.credentials();
        if (!current.equals(planned)) {
            planned = current;
            plan = Renewal.of(current.identity().validUntil(), ClusterAuthority.NODE_LIFE, random);
        }
        return plan.isDue(now) || node.wantedRole() != current.role();
    }

    private synchronized void ended(Throwable failure) {
        busy = false;
        if (failure == null || closed) {
            failures = 0;
            return;
        }
        failed.increment();
        long pause = Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS << Math.min(failures, 20));
        pause = pause / 2 + random.nextLong(pause / 2 + 1); // not all workers of a cluster at the same moment
        failures++;
        pausedUntilNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pause);
        Throwable cause = failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        LOG.warn("this node's certificate was not renewed ({} days left): {}; tried again in {} ms", plan.left(Instant.now()).toDays(),
                cause.getMessage(), pause);
        try {
            timer.schedule(this::look, pause + 1, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("the agent ends");
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (looking != null) {
            looking.cancel(false);
        }
    }
}
