package dev.starling.node.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.JoinToken;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.gossip.trust.TrustException;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.api.ApiException;
import dev.starling.node.api.ClusterControl;
import dev.starling.node.api.TaskLogs;
import dev.starling.node.config.AdvertiseAddress;
import dev.starling.node.config.ConfigException;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.DockerId;
import dev.starling.node.core.Document;
import dev.starling.node.join.JoinClient;
import dev.starling.node.join.JoinReply;
import dev.starling.node.join.JoinTokens;
import dev.starling.runtime.Container;
import dev.starling.scheduler.model.Task;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
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
    private static final Duration SAVE_TIME = Duration.ofHours(1);
    private static final String NOT_IN = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this "
            + "node to swarm and try again.";

    private final Host host;
    private final SwarmDirectory directory;
    private final InstantSource wallClock;
    private final Autolock autolock;
    private final SwarmSettings settings;
    private final OwnCertificate.Installer installer = new Installer();
    private final ExecutorService transitions = Executors.newSingleThreadExecutor(Threads.named("swarm"));
    private volatile SwarmSession session;
    /** The key of a join that has not succeeded yet: a try after a lost reply is the same node again. On the transitions' thread only. */
    private NodeKey joining;
    private Instant timeSaved = Instant.MIN;

    SwarmControl(Host host, SwarmDirectory directory) {
        this(host, directory, InstantSource.system());
    }

    SwarmControl(Host host, SwarmDirectory directory, InstantSource wallClock) {
        this.host = host;
        this.directory = directory;
        this.wallClock = wallClock;
        this.autolock = new Autolock(directory.vault());
        this.settings = new SwarmSettings(directory, autolock, SwarmControl::await);
    }

    /** At the agent's start: back into the swarm that the disk knows, if any. Seeds of the config are tried too. */
    void resume() {
        if (isLocked()) {
            LOG.warn("this manager's keys are sealed: it takes no part in the swarm until docker swarm unlock; containers that run go on");
        } else if (directory.hasIdentity()) {
            session = open(directory.load(), host.config().seeds());
        }
    }

    private SwarmSession open(SwarmDirectory.Identity identity, List<Endpoint> seeds) {
        return SwarmSession.open(host, identity, newClock(), directory.openStore(), seeds, installer);
    }

    private TrustClock newClock() {
        return new TrustClock(wallClock, System::nanoTime, directory.knownTime());
    }

    /** What renewals, rotations and changed settings do to this node's identity. */
    private final class Installer implements OwnCertificate.Installer {
        @Override
        public CompletionStage<Void> install(SwarmSession from, IssuedCertificate issued, Role wanted) {
            return CompletableFuture.runAsync(() -> {
                if (session != from) {
                    throw new IllegalStateException("this node leaves the swarm, or is not in it yet");
                }
                take(from, issued.over(from.identity(), wanted), issued.unlockKey());
            }, transitions);
        }

        @Override
        public void follow(SwarmSession from) {
            try {
                transitions.execute(() -> {
                    try {
                        SwarmControl.this.follow(from);
                    } catch (RuntimeException e) {
                        LOG.warn("what the cluster says of its CA and its keys could not be followed, tried again: {}", e.getMessage());
                    }
                });
            } catch (RejectedExecutionException e) {
                LOG.debug("the agent ends");
            }
        }

        @Override
        public boolean lacksUnlockKey(ClusterSnapshot snapshot) {
            return autolock.lacksKey(snapshot);
        }

        @Override
        public UnlockKey unlockKey() {
            return autolock.key();
        }
    }

    /** A certificate that was renewed. With another role the session is made anew over the same disk; containers go on meanwhile. */
    private void take(SwarmSession from, SwarmDirectory.Identity renewed, String unlockKey) {
        Role role = renewed.credentials().role();
        if (unlockKey != null && autolock.lacksKey(from.snapshot())) {
            autolock.learn(UnlockKey.parse(unlockKey));
        }
        autolock.follow(from.snapshot(), role);
        directory.renew(renewed);
        if (role == from.role()) {
            from.renew(renewed);
        } else {
            LOG.info("this node becomes {}", role);
            from.close();
            reopen(from);
        }
    }

    /** The roots that the cluster trusts, and whether managers lock themselves, as its documents say it now. */
    private void follow(SwarmSession current) {
        if (session != current) {
            return; // asked again in a few seconds
        }
        SessionTrust trust = current.trust();
        autolock.follow(current.snapshot(), current.role());
        NodeCredentials followed = current.credentials().trusting(trust.named(current.snapshot()));
        if (!followed.roots().equals(trust.roots())) {
            ClusterAuthorities held = trust.authorities() == null ? null : trust.authorities().within(followed.roots());
            SwarmDirectory.Identity identity = new SwarmDirectory.Identity(followed, held, current.identity().advertise());
            directory.renew(identity);
            current.renew(identity);
        }
        if (current.role() == Role.MANAGER && trust.roots().trusted().size() > 1 && RootRotation.allMoved(current.snapshot(), trust.roots())) {
            current.loop().tell((core, now) -> RootRotation.finish(core, trust.roots(), now));
        }
        saveTime(trust.clock(), timeSaved.plus(SAVE_TIME));
    }

    private void saveTime(TrustClock clock, Instant notBefore) {
        Instant now = clock.instant();
        if (!clock.inDoubt() && !now.isBefore(notBefore)) {
            directory.saveKnownTime(now);
            timeSaved = now;
        }
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

    @Override
    public ClusterSnapshot snapshot() {
        SwarmSession current = session;
        return current == null ? null : current.snapshot();
    }

    @Override
    public CompletionStage<Document> create(Kind kind, JsonNode body) {
        return onSession(current -> Writes.write(current, (core, now) -> core.create(kind, null, body, now)));
    }

    @Override
    public CompletionStage<Document> update(String uid, long generation, JsonNode body) {
        return onSession(current -> Writes.write(current, (core, now) -> {
            LastManager.refuseDemotion(core.snapshot(), uid, body);
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
            Endpoint advertise = advertise(request.advertiseAddress());
            String clusterId = DockerId.random(new SecureRandom());
            ClusterAuthority authority = ClusterAuthority.create(clusterId);
            NodeKey key = NodeKey.generate();
            ObjectNode settingsBody = ClusterDocument.body(request.spec());
            X509Certificate certificate = authority.issue(key.certificateRequest(), Role.MANAGER,
                    wallClock.instant().plus(ClusterAuthority.NODE_LIFE));
            SwarmDirectory.Identity identity = new SwarmDirectory.Identity(
                    new NodeCredentials(key.privateKey(), certificate, authority.certificate()), ClusterAuthorities.of(authority), advertise);
            directory.save(identity);
            if (request.spec().path("EncryptionConfig").path("AutoLockManagers").asBoolean(false)) {
                UnlockKey unlockKey = UnlockKey.generate();
                ClusterDocument.nameUnlockKey(settingsBody, unlockKey.digest());
                autolock.take(unlockKey);
            }
            SwarmSession opened = openFirst(identity, List.of());
            try {
                await(Writes.write(opened, (core, now) -> core.create(Kind.ROOT, RootDocuments.uid(authority.certificate()),
                        RootDocuments.body(authority.certificate(), 1, List.of()), now)));
                await(Writes.write(opened, (core, now) -> core.create(Kind.CLUSTER, clusterId, settingsBody, now)));
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
            JoinToken token = parse(request.token());
            Endpoint advertise = advertise(request.advertiseAddress()); // before a manager enrols what could not come up
            NodeKey key = joining == null ? NodeKey.generate() : joining;
            joining = key;
            String availability = request.availability() == null || request.availability().isEmpty() ? "active" : request.availability();
            JoinReply reply = askForEntry(request.remoteAddresses(), token, key, availability);
            NodeCredentials credentials = NodeCredentials.of(key, reply.certificate(), reply.caCertificate());
            directory.save(new SwarmDirectory.Identity(credentials,
                    reply.caKey() == null ? null : ClusterAuthorities.parse(reply.caKey(), credentials.roots()), advertise));
            if (reply.unlockKey() != null) {
                autolock.take(UnlockKey.parse(reply.unlockKey()));
            }
            List<Endpoint> seeds = reply.gossip().stream().map(text -> Endpoint.parse(text, NodeConfig.GOSSIP_PORT)).toList();
            TrustClock clock = newClock();
            clock.learn(reply.now(), reply.wallClock());
            directory.saveKnownTime(clock.instant());
            session = openFirst(directory.load(), clock, seeds);
            joining = null;
            return null;
        });
    }

    private SwarmSession openFirst(SwarmDirectory.Identity identity, List<Endpoint> seeds) {
        return openFirst(identity, newClock(), seeds);
    }

    private SwarmSession openFirst(SwarmDirectory.Identity identity, TrustClock clock, List<Endpoint> seeds) {
        try {
            return SwarmSession.open(host, identity, clock, directory.openStore(), seeds, installer);
        } catch (RuntimeException e) {
            forget();
            throw e;
        }
    }

    private void forget() {
        directory.wipe();
        autolock.forget();
    }

    private static JoinToken parse(String text) {
        try {
            return JoinToken.parse(text);
        } catch (TrustException e) {
            throw new ApiException(400, "invalid join token: " + e.getMessage(), e);
        }
    }

    private static JoinReply askForEntry(List<String> managers, JoinToken token, NodeKey key, String availability) {
        List<String> failures = new ArrayList<>();
        for (String manager : managers) {
            try {
                return JoinClient.join(Endpoint.parse(manager, NodeConfig.JOIN_PORT), token, key, availability);
            } catch (JoinClient.JoinException e) {
                if (e.refused()) {
                    throw new ApiException(400, "rpc error: code = InvalidArgument desc = " + e.getMessage(), e);
                }
                failures.add(e.getMessage());
            } catch (IllegalArgumentException e) {
                throw new ApiException(400, e.getMessage(), e);
            }
        }
        throw ApiException.unavailable("no manager could be reached: " + (failures.isEmpty() ? "no address given" : String.join("; ", failures)));
    }

    private Endpoint advertise(String asked) {
        NodeConfig config = host.config();
        try {
            if (asked == null || asked.isEmpty()) {
                return AdvertiseAddress.of(config);
            }
            // Docker's flag carries the address; the port in it is the join port there, while gossip has its own
            return new Endpoint(Endpoint.parse(asked, NodeConfig.JOIN_PORT).host(), config.listen().port());
        } catch (ConfigException | IllegalArgumentException e) {
            throw new ApiException(400, e.getMessage(), e);
        }
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
            current.close();
            forget();
            LOG.info("left the swarm");
            return null;
        });
    }

    /** Without its keys a node cannot say farewell: to the others it is down, and its containers end with the next session's sweep. */
    private void leaveLocked(boolean force) {
        if (!force) {
            throw ApiException.unavailable("Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.");
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
            saveTimeAtEnd(current);
            current.close();
        }
    }

    private void saveTimeAtEnd(SwarmSession current) {
        try {
            saveTime(current.trust().clock(), Instant.MIN);
        } catch (TrustException e) {
            LOG.warn("the time could not be kept: {}", e.getMessage());
        }
    }
}
