package dev.starling.node.swarm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.node.swarm.CertificateKeeper.Cause;
import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A node is a member for as long as its keeper looks: whatever happens to it once, it looks again. */
@Timeout(300)
class CertificateKeeperTest {
    /** Real but for the waits between two looks. */
    private static final class QuickTimer extends ScheduledThreadPoolExecutor {
        QuickTimer() {
            super(1);
        }

        @Override
        public ScheduledFuture<?> scheduleWithFixedDelay(Runnable work, long initialDelay, long delay, TimeUnit unit) {
            return super.scheduleWithFixedDelay(work, 0, 5, TimeUnit.MILLISECONDS);
        }
    }

    private static final class Node implements CertificateKeeper.Node {
        private final NodeCredentials credentials = ClusterAuthority.create("k3x9").enrol(NodeKey.generate(), Role.WORKER);
        private final TrustClock clock = TrustClock.system(Instant.EPOCH);
        private final BlockingQueue<Cause> renewals = new LinkedBlockingQueue<>();
        private volatile Supplier<Cause> cause;
        private volatile boolean inReach = true;

        Node(Supplier<Cause> cause) {
            this.cause = cause;
        }

        @Override
        public NodeCredentials credentials() {
            return credentials;
        }

        @Override
        public TrustClock clock() {
            return clock;
        }

        @Override
        public Duration life() {
            return ClusterAuthority.NODE_LIFE;
        }

        @Override
        public Cause cause() {
            return cause.get();
        }

        @Override
        public CompletionStage<Void> renew(Cause why) {
            renewals.add(why);
            return inReach ? CompletableFuture.completedFuture(null) : CompletableFuture.failedFuture(new IllegalStateException("nobody answers"));
        }
    }

    private final QuickTimer timer = new QuickTimer();

    @AfterEach
    void close() {
        timer.shutdownNow();
    }

    @Test
    void aLookThatFailsIsNotTheLast() throws InterruptedException {
        BlockingQueue<Supplier<Cause>> answers = new LinkedBlockingQueue<>();
        answers.add(() -> {
            throw new IllegalStateException("the state cannot be read");
        });
        answers.add(() -> Cause.ROLE);
        Node node = new Node(() -> answers.isEmpty() ? Cause.NONE : answers.remove().get());
        try (CertificateKeeper keeper = new CertificateKeeper(node, timer, new Random(1))) {
            keeper.start();
            assertEquals(Cause.ROLE, node.renewals.poll(90, TimeUnit.SECONDS));
        }
    }

    /** After a long partition the pauses have grown to minutes; that nobody was in reach is no reason to keep a promotion waiting. */
    @Test
    void whatFailedForOneReasonDoesNotHoldUpAnother() throws InterruptedException {
        Node node = new Node(() -> Cause.CUT_OFF);
        node.inReach = false;
        try (CertificateKeeper keeper = new CertificateKeeper(node, timer, new Random(1), () -> 0)) { // no pause ever ends
            keeper.start();
            assertEquals(Cause.CUT_OFF, node.renewals.poll(90, TimeUnit.SECONDS));
            node.inReach = true;
            node.cause = () -> Cause.ROLE;
            assertEquals(Cause.ROLE, node.renewals.poll(90, TimeUnit.SECONDS));
        }
    }
}
