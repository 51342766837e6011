package dev.starling.node.swarm;

import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.Renewal;
import dev.starling.gossip.trust.TrustClock;
import java.security.cert.X509Certificate;
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
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that this node's certificate is valid, of the newest CA and for the role that its document says: looks every few seconds (the wall
 * clock may jump, so no timer is set for a day in weeks), renews when it is time or there is another {@link Cause}, tries again with growing
 * pauses.
 */
public final class CertificateKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CertificateKeeper.class);
    private static final long LOOK_SECONDS = 10;
    private static final long FIRST_PAUSE_MILLIS = 500;
    private static final long LONGEST_PAUSE_MILLIS = 600_000;

    /** The node whose certificate is kept. */
    public interface Node {
        NodeCredentials credentials();

        TrustClock clock();

        /** How long new certificates last. */
        Duration life();

        /** Why to renew before it is time. */
        Cause cause();

        /** Gets a certificate and takes it into use. */
        CompletionStage<Void> renew(Cause cause);
    }

    /** Why a certificate is renewed; NONE: its time has come, or there is no reason at all. */
    public enum Cause {
        NONE("its time has come"), ROLE("the node's role has changed"), ROTATION("the CA was rotated"),
        UNLOCK_KEY("managers lock themselves, and the unlock key is not known here"), CLOCK("the clock is in doubt"),
        CUT_OFF("no other node is in reach, so they may refuse it");

        private final String words;

        Cause(String words) {
            this.words = words;
        }
    }

    private final Node node;
    private final ScheduledExecutorService timer;
    private final RandomGenerator random;
    private final LongSupplier nanos;
    private final LongAdder failed = new LongAdder();
    private ScheduledFuture<?> looking;
    private X509Certificate planned;
    private Renewal plan;
    /** One after the other, for the same cause. */
    private int failures;
    private Cause failedCause;
    private long pausedUntilNanos;
    private boolean busy;
    private boolean closed;

    public CertificateKeeper(Node node, ScheduledExecutorService timer, RandomGenerator random) {
        this(node, timer, random, System::nanoTime);
    }

    CertificateKeeper(Node node, ScheduledExecutorService timer, RandomGenerator random, LongSupplier nanos) {
        this.node = node;
        this.timer = timer;
        this.random = random;
        this.nanos = nanos;
        this.pausedUntilNanos = nanos.getAsLong();
    }

    public synchronized void start() {
        looking = timer.scheduleWithFixedDelay(() -> look(true), 0, LOOK_SECONDS, TimeUnit.SECONDS);
    }

    /** There may be a cause now: looks at once. Any thread; returns at once. */
    public void causeMayHaveCome() {
        try {
            timer.execute(() -> look(false));
        } catch (RejectedExecutionException e) {
            LOG.debug("the agent ends");
        }
    }

    /** For the metric: seconds until the certificate ends, below 0 once it has. */
    public double secondsLeft() {
        return Duration.between(node.clock().instant(), node.credentials().identity().validUntil()).toMillis() / 1000.0;
    }

    public long failures() {
        return failed.sum();
    }

    /** @param atAnotherCause also in a pause, where that is not for the same cause: nobody in reach, and then a promotion */
    private void look(boolean atAnotherCause) {
        try {
            Cause cause = begin(atAnotherCause);
            if (cause != null) {
                renew(cause);
            }
        } catch (RuntimeException e) { // a timer's work that fails is not run again
            LOG.error("whether this node's certificate is to be renewed could not be told, it is looked at again: {}", e.toString(), e);
        }
    }

    /** Null where there is nothing to do. */
    private synchronized Cause begin(boolean atAnotherCause) {
        boolean paused = nanos.getAsLong() - pausedUntilNanos < 0;
        if (closed || busy || paused && !atAnotherCause) {
            return null;
        }
        Cause cause = node.cause();
        if (paused && cause == failedCause || cause == Cause.NONE && !isDue(node.clock().instant())) {
            return null;
        }
        busy = true;
        return cause;
    }

    private void renew(Cause cause) {
        CompletionStage<Void> renewal;
        try {
            renewal = node.renew(cause);
        } catch (RuntimeException e) {
            renewal = CompletableFuture.failedFuture(e);
        }
        renewal.whenComplete((done, failure) -> ended(cause, failure));
    }

    private boolean isDue(Instant now) {
        NodeCredentials current = node.credentials();
        if (plan == null || !current.certificate().equals(planned)) {
            planned = current.certificate();
            plan = Renewal.of(current.identity().validUntil(), node.life(), random);
        }
        return plan.isDue(now);
    }

    private synchronized void ended(Cause cause, Throwable failure) {
        busy = false;
        if (failure == null || closed) {
            failures = 0;
            pausedUntilNanos = nanos.getAsLong();
            return;
        }
        failures = cause == failedCause ? failures : 0;
        failedCause = cause;
        long pause = Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS << Math.min(failures, 20));
        pause = pause / 2 + random.nextLong(pause / 2 + 1); // not all workers of a cluster at the same moment
        failures++;
        pausedUntilNanos = nanos.getAsLong() + TimeUnit.MILLISECONDS.toNanos(pause);
        Throwable reason = failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        if (cause == Cause.CUT_OFF) { // most likely a partition, and nothing is wrong with the certificate
            LOG.debug("no certificate from anywhere: {}", reason.getMessage());
        } else {
            failed.increment();
            LOG.warn("this node's certificate was not renewed ({}; {} days left): {}; tried again in {} ms", cause.words,
                    Duration.ofMillis((long) (secondsLeft() * 1000)).toDays(), reason.getMessage(), pause);
        }
        try {
            timer.schedule(() -> look(false), pause + 1, TimeUnit.MILLISECONDS);
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
