package dev.starling.node.agent;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.gossip.trust.TrustException;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.api.ApiException;
import dev.starling.node.api.ClusterControl;
import dev.starling.node.host.Threads;
import dev.starling.node.swarm.Autolock;
import dev.starling.node.swarm.RootDocuments;
import dev.starling.node.swarm.SwarmDirectory;
import dev.starling.node.swarm.SwarmEntry;
import dev.starling.node.task.TaskRunner;
import dev.starling.runtime.Container;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's life in swarms: in none, then in one (init, join, or a start with an identity on disk), then in none again (leave). Changes
 * go one at a time on a thread of their own.
 */
final class SwarmLife implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SwarmLife.class);
    private static final long LEAVE_MILLIS = 300;
    private static final long REOPEN_SECONDS = 3;
    private static final long CLOSE_SECONDS = 5;
    private static final String ALREADY_IN = "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join "
            + "another one.";
    private static final String NOT_IN = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this "
            + "node to swarm and try again.";

    private final Host host;
    private final SwarmDirectory directory;
    private final InstantSource wallClock;
    private final Autolock autolock;
    private final SwarmSettings settings;
    private final SwarmEntry entry;
    private final IdentityKeeper identities;
    private final ExecutorService transitions = Executors.newSingleThreadExecutor(Threads.named("swarm"));
    private volatile SwarmSession session;
    private volatile Runnable snapshotListener = () -> {};

    SwarmLife(Host host, SwarmDirectory directory, InstantSource wallClock) {
        this.host = host;
        this.directory = directory;
        this.wallClock = wallClock;
        this.autolock = new Autolock(directory.vault());
        this.settings = new SwarmSettings(directory, autolock, SwarmLife::await);
        this.entry = new SwarmEntry(host.config(), directory, autolock, wallClock);
        this.identities = new IdentityKeeper(directory, autolock, transitions, this::session, this::reopenAnew);
    }

    /** Null while this node is in no swarm. */
    SwarmSession session() {
        return session;
    }

    /** The session, or Docker's answer of a node that has none. */
    SwarmSession requireSession() {
        SwarmSession current = session;
        if (current == null) {
            throw notInSwarm();
        }
        return current;
    }

    ApiException notInSwarm() {
        return ApiException.unavailable(isLocked() ? ClusterControl.LOCKED : NOT_IN);
    }

    /** The session of a manager, or Docker's answer of a node that is none. */
    SwarmSession requireManager() {
        SwarmSession current = requireSession();
        if (current.role() != Role.MANAGER) {
            throw ApiException.unavailable(NOT_IN);
        }
        return current;
    }

    boolean isLocked() {
        return session == null && autolock.isLocked();
    }

    Autolock autolock() {
        return autolock;
    }

    /** At the agent's start: back into the swarm that the disk knows, if any. Seeds of the config are tried too. */
    void resume() {
        enter(this::newClock);
    }

    private void enter(Supplier<TrustClock> clock) {
        if (isLocked()) {
            LOG.warn("this manager's keys are sealed: it takes no part in the swarm until docker swarm unlock; containers that run go on");
        } else if (directory.hasIdentity()) {
            session = SwarmSession.open(host, directory.load(), directory, clock.get(), host.config().addresses().seeds(), identities,
                    () -> snapshotListener.run());
            session.hearWhatWasMissed();
        }
    }

    void onSnapshot(Runnable listener) {
        snapshotListener = listener;
    }

    private TrustClock newClock() {
        return new TrustClock(wallClock, System::nanoTime, directory.knownTime());
    }

    /** With another role: over the same disk; containers go on meanwhile. */
    private void reopenAnew(SwarmSession old) {
        old.close();
        reopen(old);
    }

    /** Until it works: the old session answers reads meanwhile and refuses writes. */
    private void reopen(SwarmSession closed) {
        try {
            enter(closed.trust()::clock); // with what it was told of the time
        } catch (RuntimeException e) {
            LOG.error("the swarm could not be entered again, tried again in {} s: {}", REOPEN_SECONDS, e.toString(), e);
            host.timer().schedule(() -> transitions.execute(() -> {
                if (session == closed) {
                    reopen(closed);
                }
            }), REOPEN_SECONDS, TimeUnit.SECONDS);
        }
    }

    private void requireNoSwarm() {
        if (session != null) {
            throw ApiException.unavailable(ALREADY_IN);
        }
        if (isLocked()) {
            throw ApiException.unavailable(ClusterControl.LOCKED);
        }
    }

    CompletionStage<NodeId> init(ClusterControl.Init request) {
        return transition(() -> {
            requireNoSwarm();
            SwarmEntry.First first = entry.asFirst(request);
            SwarmSession opened = openFirst(first.identity(), newClock(), List.of());
            try {
                await(Writes.write(opened, (core, now) -> core.create(Kind.ROOT, RootDocuments.uid(first.root()),
                        RootDocuments.body(first.root(), 1, List.of()), now)));
                await(Writes.write(opened, (core, now) -> core.create(Kind.CLUSTER, first.clusterId(), first.settings(), now)));
                await(Writes.write(opened, (core, now) -> core.create(Kind.NODE, opened.self().value(),
                        JoinCluster.nodeBody(Role.MANAGER, "active"), now)));
            } catch (RuntimeException e) {
                opened.close();
                forget();
                throw e;
            }
            session = opened;
            return opened.self();
        });
    }

    CompletionStage<Void> join(ClusterControl.Join request) {
        return transition(() -> {
            requireNoSwarm();
            SwarmEntry.Joined joined = entry.byToken(request);
            session = openFirst(joined.identity(), joined.clock(), joined.seeds());
            entry.succeeded();
            return null;
        });
    }

    private SwarmSession openFirst(SwarmDirectory.Identity identity, TrustClock clock, List<Endpoint> seeds) {
        try {
            return SwarmSession.open(host, identity, directory, clock, seeds, identities, () -> snapshotListener.run());
        } catch (RuntimeException e) {
            forget();
            throw e;
        }
    }

    private void forget() {
        directory.wipe();
        autolock.forget();
    }

    CompletionStage<Void> leave(boolean force) {
        return transition(() -> {
            SwarmSession current = session;
            if (isLocked()) {
                leaveLocked(force);
                return null;
            }
            if (current == null) {
                throw ApiException.unavailable("This node is not part of a swarm");
            }
            if (current.role() == Role.MANAGER && !force) {
                throw ApiException.unavailable("You are attempting to leave the swarm on a node that is participating as a manager. "
                        + (managersUp(current) > 1 ? "" : "Removing the last manager erases all current state of the swarm. ")
                        + "Use `--force` to ignore this message. ");
            }
            await(current.loop().ask((core, now) -> {
                core.leave(now);
                return null;
            }));
            pause(LEAVE_MILLIS); // the farewell is on its way: it is pushed once and then the connections close
            session = null;
            endForGood(current);
            LOG.info("left the swarm");
            return null;
        });
    }

    /** What of it fails is told, and keeps nothing else from being ended. */
    private void endForGood(SwarmSession ended) {
        try {
            ended.tasks().removeAll();
        } finally {
            try {
                ended.withdraw();
            } finally {
                ended.close();
                forget();
            }
        }
    }

    /** Without its keys a node cannot say farewell: to the others it is down. */
    private void leaveLocked(boolean force) {
        if (!force) {
            throw ApiException.unavailable("Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.");
        }
        for (Container container : host.runtime().list()) {
            if (container.spec().labels().containsKey(TaskRunner.TASK_LABEL)) {
                host.runtime().stop(container.id(), Duration.ZERO);
                host.runtime().remove(container.id());
            }
        }
        forget();
        LOG.info("left the swarm, locked");
    }

    CompletionStage<Void> unlock(String key) {
        return transition(() -> {
            if (!isLocked()) {
                throw session == null ? ApiException.unavailable("This node is not part of a swarm") : ApiException.conflict("swarm is not locked");
            }
            try {
                autolock.unlock(UnlockKey.parse(key));
            } catch (TrustException e) {
                throw new ApiException(400, "swarm could not be unlocked: invalid key provided", e);
            }
            LOG.info("unlocked");
            try {
                resume();
            } catch (RuntimeException e) {
                autolock.lockAgain(); // for the next try; a node with an identity and no session would pass for one that is in no swarm
                throw e;
            }
            return null;
        });
    }

    CompletionStage<Void> updateSwarm(long version, JsonNode spec, boolean rotateUnlockKey) {
        return transition(() -> {
            settings.change(requireManager(), version, spec, rotateUnlockKey);
            return null;
        });
    }

    private static long managersUp(SwarmSession current) {
        return current.snapshot().members().values().stream()
                .filter(member -> member.role() == Role.MANAGER && member.status().isUp()).count();
    }

    private <T> CompletionStage<T> transition(Supplier<T> change) {
        return CompletableFuture.supplyAsync(change, transitions).handle((value, failure) -> {
            if (failure != null) {
                throw Writes.refusal(failure);
            }
            return value;
        });
    }

    private static <T> T await(CompletableFuture<T> future) {
        try {
            return future.get(15, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw Writes.refusal(e.getCause());
        } catch (TimeoutException e) {
            throw new ApiException(500, "no answer from this node's core within 15 s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ApiException(500, "interrupted", e);
        }
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The agent ends; the membership stays on disk. */
    @Override
    public void close() {
        transitions.shutdownNow();
        try {
            transitions.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS); // one that opens a session hands it over or closes it
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        SwarmSession current = session;
        if (current != null) {
            identities.saveTime(current);
            current.close();
        }
    }
}
