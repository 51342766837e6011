package dev.starling.node.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.gossip.trust.TrustException;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.api.ApiException;
import dev.starling.node.api.ClusterControl;
import dev.starling.node.api.TaskLogs;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.DockerId;
import dev.starling.node.core.Document;
import dev.starling.node.host.Threads;
import dev.starling.node.join.JoinTokens;
import dev.starling.node.swarm.Autolock;
import dev.starling.node.swarm.ClusterDocument;
import dev.starling.node.swarm.LastManager;
import dev.starling.node.swarm.RootDocuments;
import dev.starling.node.swarm.SwarmDirectory;
import dev.starling.node.swarm.SwarmEntry;
import dev.starling.node.task.TaskRunner;
import dev.starling.node.spec.PullCredentials;
import dev.starling.runtime.Container;
import dev.starling.scheduler.model.Task;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's life in swarms: in none, then in one (init, join, or a start with an identity on disk), then in none again (leave). Changes
 * go one at a time on a thread of their own; everything else is answered by the session that is there.
 */
final class SwarmControl implements ClusterControl, TaskLogs, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SwarmControl.class);
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

    SwarmControl(Host host, SwarmDirectory directory) {
        this(host, directory, InstantSource.system());
    }

    SwarmControl(Host host, SwarmDirectory directory, InstantSource wallClock) {
        this.host = host;
        this.directory = directory;
        this.wallClock = wallClock;
        this.autolock = new Autolock(directory.vault());
        this.settings = new SwarmSettings(directory, autolock, SwarmControl::await);
        this.entry = new SwarmEntry(host.config(), directory, autolock, wallClock);
        this.identities = new IdentityKeeper(directory, autolock, transitions, this::session, this::reopenAnew);
    }

    /** At the agent's start: back into the swarm that the disk knows, if any. Seeds of the config are tried too. */
    void resume() {
        if (isLocked()) {
            LOG.warn("this manager's keys are sealed: it takes no part in the swarm until docker swarm unlock; containers that run go on");
        } else if (directory.hasIdentity()) {
            session = open(directory.load(), host.config().addresses().seeds());
        }
    }

    private SwarmSession open(SwarmDirectory.Identity identity, List<Endpoint> seeds) {
        return SwarmSession.open(host, identity, directory, newClock(), seeds, identities);
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
            resume();
        } catch (RuntimeException e) {
            LOG.error("the swarm could not be entered again, tried again in {} s: {}", REOPEN_SECONDS, e.toString(), e);
            host.timer().schedule(() -> transitions.execute(() -> {
                if (session == closed) {
                    reopen(closed);
                }
            }), REOPEN_SECONDS, TimeUnit.SECONDS);
            return;
        }
        // ends that were told to the old session after the new one had adopted its tasks
        host.runtime().list().stream().filter(container -> container.state() == Container.State.EXITED).forEach(session::containerEnded);
    }

    /** Null while this node is in no swarm. */
    SwarmSession session() {
        return session;
    }

    /** What {@code docker info} should warn of. */
    List<String> warnings() {
        SwarmSession current = session;
        return current == null ? List.of() : current.warnings();
    }

    boolean isInSwarm() {
        return session != null || isLocked();
    }

    @Override
    public boolean isLocked() {
        return session == null && autolock.isLocked();
    }

    void containerEnded(Container container) {
        SwarmSession current = session;
        if (current != null) {
            current.containerEnded(container);
        }
    }

    void healthChanged(Container container) {
        SwarmSession current = session;
        if (current != null) {
            current.healthChanged(container);
        }
    }

    @Override
    public ClusterSnapshot snapshot() {
        SwarmSession current = session;
        return current == null ? null : current.snapshot();
    }

    @Override
    public CompletionStage<Document> create(Kind kind, JsonNode body) {
        return onSession(current -> Writes.write(current, (core, now) -> {
            if (kind == Kind.SERVICE) {
                ServiceWrites.complete(core, body, "", now);
            }
            return core.create(kind, null, body, now);
        }));
    }

    @Override
    public CompletionStage<Document> createSecret(JsonNode spec, byte[] value) {
        return onSession(current -> {
            String uid = DockerId.random(new SecureRandom()); // the value is sealed for its object
            JsonNode body = current.secrets().seal().body(uid, spec, value);
            return Writes.write(current, (core, now) -> core.create(Kind.SECRET, uid, body, now));
        });
    }

    @Override
    public CompletionStage<Document> createService(JsonNode body, byte[] credentials) {
        return onSession(current -> {
            String uid = DockerId.random(new SecureRandom()); // the credentials are sealed for their service
            current.secrets().seal().putCredentials((ObjectNode) body, uid, credentials);
            return Writes.write(current, (core, now) -> {
                ServiceWrites.complete(core, body, "", now);
                return core.create(Kind.SERVICE, uid, body, now);
            });
        });
    }

    @Override
    public CompletionStage<Document> updateService(String uid, long generation, JsonNode body, byte[] credentials) {
        return onSession(current -> {
            current.secrets().seal().putCredentials((ObjectNode) body, uid, credentials);
            return update(uid, generation, body);
        });
    }

    @Override
    public boolean secretHolds(Document secret, byte[] value) {
        SwarmSession current = session;
        return current != null && current.secrets().seal().holds(secret, value);
    }

    @Override
    public CompletionStage<Document> update(String uid, long generation, JsonNode body) {
        return onSession(current -> Writes.write(current, (core, now) -> {
            LastManager.refuseDemotion(core.snapshot(), uid, body);
            Document service = core.snapshot().document(Kind.SERVICE, uid);
            if (service != null) {
                PullCredentials.keep(service, (ObjectNode) body);
                ServiceWrites.complete(core, body, uid, now);
            }
            return core.update(uid, generation, body, now);
        }));
    }

    @Override
    public CompletionStage<Void> delete(String uid) {
        return onSession(current -> Writes.run(current, (core, now) -> core.delete(uid, now), object -> object.uid(),
                object -> object.generation()).thenApply(object -> null));
    }

    private <T> CompletionStage<T> onSession(java.util.function.Function<SwarmSession, CompletionStage<T>> work) {
        SwarmSession current = session;
        return current == null ? CompletableFuture.failedFuture(ApiException.unavailable(isLocked() ? ClusterControl.LOCKED : NOT_IN)) : work.apply(current);
    }

    private void requireNoSwarm() {
        if (session != null) {
            throw ApiException.unavailable(ALREADY_IN);
        }
        if (isLocked()) {
            throw ApiException.unavailable(ClusterControl.LOCKED);
        }
    }

    @Override
    public CompletionStage<NodeId> init(Init request) {
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

    @Override
    public CompletionStage<Void> join(Join request) {
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
            return SwarmSession.open(host, identity, directory, clock, seeds, identities);
        } catch (RuntimeException e) {
            forget();
            throw e;
        }
    }

    private void forget() {
        directory.wipe();
        autolock.forget();
    }

    @Override
    public CompletionStage<Void> leave(boolean force) {
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
            current.tasks().removeAll();
            current.withdraw();
            current.close();
            forget();
            LOG.info("left the swarm");
            return null;
        });
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

    @Override
    public CompletionStage<Void> unlock(String key) {
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
            resume();
            return null;
        });
    }

    @Override
    public String unlockKey() {
        SwarmSession current = manager();
        if (ClusterDocument.unlockKeyDigest(current.snapshot()) == null) {
            return "";
        }
        if (autolock.lacksKey(current.snapshot())) {
            throw ApiException.unavailable("this manager has not got the unlock key from the others yet; try again, at another manager, or make a new"
                    + " one with docker swarm unlock-key --rotate");
        }
        return autolock.key().text();
    }

    @Override
    public CompletionStage<Void> updateSwarm(long version, JsonNode spec, boolean rotateUnlockKey) {
        return transition(() -> {
            settings.change(manager(), version, spec, rotateUnlockKey);
            return null;
        });
    }

    private static long managersUp(SwarmSession current) {
        return current.snapshot().members().values().stream()
                .filter(member -> member.role() == Role.MANAGER && member.status().isUp()).count();
    }

    @Override
    public CompletionStage<Void> removeNode(NodeId node, boolean force) {
        return onSession(current -> Writes.run(current, (core, now) -> {
            Member member = core.snapshot().members().get(node);
            boolean up = member != null && member.status().isUp();
            if (up && !force || node.equals(core.self())) {
                throw new dev.starling.node.core.WriteRefusedException(dev.starling.node.core.WriteRefusedException.Reason.IN_USE,
                        "node " + node + " is not down and can't be removed");
            }
            return core.delete(node.value(), now);
        }, object -> object.uid(), object -> object.generation()).thenApply(object -> null));
    }

    @Override
    public String joinToken(Role role) {
        SwarmSession current = manager();
        return JoinTokens.derive(current.trust().tokenAuthority(), role, ClusterDocument.tokenRotation(current.snapshot(), role)).text();
    }

    @Override
    public CompletionStage<Void> rotateJoinToken(Role role) {
        return onSession(current -> Writes.write(current, (core, now) -> {
            Document cluster = ClusterDocument.of(core.snapshot());
            if (cluster == null) {
                throw ApiException.unavailable("this node has not heard of the cluster's settings yet; try again");
            }
            return core.update(cluster.uid(), cluster.object().generation(), ClusterDocument.rotated(cluster, role), now);
        }).thenApply(document -> null));
    }

    @Override
    public ClusterRoots roots() {
        SwarmSession current = session;
        if (current == null) {
            throw ApiException.unavailable(isLocked() ? ClusterControl.LOCKED : NOT_IN);
        }
        return current.trust().named(current.snapshot());
    }

    @Override
    public CompletionStage<Chunk> read(Task task, long position, int tail, int maxBytes) {
        return onSession(current -> current.logs().read(task, position, tail, maxBytes));
    }

    private SwarmSession manager() {
        SwarmSession current = session;
        if (current == null || current.role() != Role.MANAGER) {
            throw ApiException.unavailable(isLocked() ? ClusterControl.LOCKED : NOT_IN);
        }
        return current;
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
        } catch (java.util.concurrent.ExecutionException e) {
            throw Writes.refusal(e.getCause());
        } catch (java.util.concurrent.TimeoutException e) {
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
