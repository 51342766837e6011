package dev.starling.node.agent;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.secret.HeldSecrets;
import dev.starling.node.secret.SecretDesk;
import dev.starling.node.secret.SecretSeal;
import dev.starling.node.secret.SecretSource;
import dev.starling.node.spec.FileReference;
import dev.starling.node.swarm.SwarmDirectory;
import dev.starling.node.task.TaskFiles;
import java.util.SortedSet;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** The parts that deal with secrets while this node is in a swarm, put together. */
final class SessionSecrets implements AutoCloseable {
    private static final long SWEEP_SECONDS = 10;

    private final Host host;
    private final NodeId self;
    private final Supplier<ClusterSnapshot> snapshot;
    private final Executor workers;
    private final SecretSeal seal;
    private final SecretDesk desk;
    private final HeldSecrets held;
    private final SecretSource source;
    private final TaskFiles files;
    private ScheduledFuture<?> sweeping;

    SessionSecrets(Host host, SwarmDirectory.Identity identity, ClusterEdge edge, Supplier<ClusterSnapshot> snapshot) {
        this.host = host;
        this.self = identity.credentials().nodeId();
        this.snapshot = snapshot;
        this.workers = work -> host.vertx().executeBlocking(() -> {
            work.run();
            return null;
        }, false);
        this.seal = new SecretSeal(identity.dataKey());
        this.desk = identity.authorities() == null ? null : new SecretDesk(seal, snapshot, workers);
        this.held = new HeldSecrets(SwarmDirectory.heldSecrets(host.config().dataDir()),
                SealingKey.derived(identity.credentials().key(), "held secrets"));
        this.source = new SecretSource(desk, held, snapshot, edge::askForSecret, workers);
        this.files = new TaskFiles(source);
    }

    void start(ClusterEdge edge) {
        if (desk != null) {
            edge.answerSecrets(desk::answer);
        }
        sweeping = host.timer().scheduleWithFixedDelay(this::sweep, 1, SWEEP_SECONDS, TimeUnit.SECONDS);
    }

    private void sweep() {
        try {
            workers.execute(() -> {
                SortedSet<String> needed = FileReference.secretsInUse(snapshot.get(), self);
                held.sweep(needed, TimeUnit.NANOSECONDS.toMillis(System.nanoTime()));
                source.hold(needed);
            });
        } catch (RejectedExecutionException e) {
            // the agent ends
        }
    }

    SecretSeal seal() {
        return seal;
    }

    /** Null on a worker. */
    SecretDesk desk() {
        return desk;
    }

    SecretSource source() {
        return source;
    }

    TaskFiles files() {
        return files;
    }

    @Override
    public void close() {
        if (sweeping != null) {
            sweeping.cancel(false);
        }
    }
}
