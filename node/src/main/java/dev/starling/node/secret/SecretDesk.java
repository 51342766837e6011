package dev.starling.node.secret;

import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.FileReference;
import dev.starling.node.spec.PullCredentials;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a manager hands secrets to the nodes that need them: to a node, known from its connection, which has a task of a service that refers to
 * the secret. Everybody else is refused and counted.
 *
 * <p>A node asks as soon as its claim is on its own disk; the claim itself may reach this manager a moment later. So there is some patience
 * before a no, for some questions at a time.
 */
public final class SecretDesk {
    static final Duration PATIENCE = Duration.ofSeconds(2);
    private static final Logger LOG = LoggerFactory.getLogger(SecretDesk.class);
    private static final long LOOK_MILLIS = 100;
    private static final int MAX_PATIENT = 64;
    private static final int MAX_UID_BYTES = 64;

    private final SecretSeal seal;
    private final Supplier<ClusterSnapshot> snapshot;
    private final Executor workers;
    private final Semaphore patient = new Semaphore(MAX_PATIENT);
    private final LongAdder refused = new LongAdder();

    /** @param workers where values are opened, some milliseconds each */
    public SecretDesk(SecretSeal seal, Supplier<ClusterSnapshot> snapshot, Executor workers) {
        this.seal = seal;
        this.snapshot = snapshot;
        this.workers = workers;
    }

    /** The value of a secret, or the registry's credentials of a service, for this manager's own task. */
    byte[] value(String uid) {
        ClusterSnapshot now = snapshot.get();
        Document secret = now.document(Kind.SECRET, uid);
        if (secret != null) {
            return seal.value(secret);
        }
        Document service = PullCredentials.service(uid, now);
        if (service == null) {
            throw new IllegalStateException("this manager has not heard of it");
        }
        return seal.credentials(service);
    }

    /** @param request the uid of the secret, or the {@link PullCredentials#name}; fails with the reason of a refusal, for the node that asked */
    public CompletionStage<byte[]> answer(PeerIdentity from, byte[] request) {
        CompletableFuture<byte[]> answer = new CompletableFuture<>();
        if (request.length > MAX_UID_BYTES) {
            refuse(from, "a secret's id of " + request.length + " bytes", answer);
        } else {
            boolean waits = patient.tryAcquire();
            if (waits) {
                answer.whenComplete((value, failure) -> patient.release());
            }
            long deadline = System.nanoTime() + (waits ? PATIENCE.toNanos() : 0);
            workers.execute(() -> look(from, new String(request, StandardCharsets.UTF_8), null, deadline, answer));
        }
        return answer;
    }

    /** @param seen what was looked at before: where nothing has changed since, the answer has not */
    private void look(PeerIdentity from, String uid, ClusterSnapshot seen, long deadline, CompletableFuture<byte[]> answer) {
        try {
            ClusterSnapshot now = snapshot.get();
            if (now != seen && FileReference.secretsInUse(now, from.id()).contains(uid)) {
                answer.complete(value(uid));
            } else if (System.nanoTime() - deadline < 0) {
                CompletableFuture.delayedExecutor(LOOK_MILLIS, TimeUnit.MILLISECONDS, workers).execute(() -> look(from, uid, now, deadline, answer));
            } else {
                Document secret = now.document(Kind.SECRET, uid);
                refuse(from, secret != null ? "secret " + secret.name() : PullCredentials.service(uid, now) != null
                        ? "the registry's credentials of service " + PullCredentials.service(uid, now).name() : "a secret that is not there", answer);
            }
        } catch (RuntimeException e) {
            answer.completeExceptionally(e);
        }
    }

    private void refuse(PeerIdentity from, String what, CompletableFuture<byte[]> answer) {
        refused.increment();
        LOG.warn("node {} asked for {}, and has no task that uses it", from.id(), what);
        answer.completeExceptionally(new IllegalStateException("node " + from.id() + " has no task that uses it"));
    }

    public long refusals() {
        return refused.sum();
    }
}
