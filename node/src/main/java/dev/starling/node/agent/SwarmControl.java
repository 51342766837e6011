package dev.starling.node.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.node.api.ApiException;
import dev.starling.node.api.ClusterControl;
import dev.starling.node.api.TaskLogs;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.DockerId;
import dev.starling.node.core.Document;
import dev.starling.node.core.WriteRefusedException;
import dev.starling.node.join.JoinTokens;
import dev.starling.node.swarm.ClusterDocument;
import dev.starling.node.swarm.LastManager;
import dev.starling.node.swarm.SwarmDirectory;
import dev.starling.node.spec.PullCredentials;
import dev.starling.runtime.Container;
import dev.starling.scheduler.model.Task;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** What Docker's API asks of the cluster, answered by the session that is there; what begins or ends one is for {@link SwarmLife}. */
final class SwarmControl implements ClusterControl, TaskLogs, AutoCloseable {
    private final SwarmLife life;

    SwarmControl(Host host, SwarmDirectory directory) {
        this(host, directory, InstantSource.system());
    }

    SwarmControl(Host host, SwarmDirectory directory, InstantSource wallClock) {
        this.life = new SwarmLife(host, directory, wallClock);
    }

    /** See {@link SwarmLife#resume}. */
    void resume() {
        life.resume();
    }

    /** Null while this node is in no swarm. */
    SwarmSession session() {
        return life.session();
    }

    /** What {@code docker info} should warn of. */
    List<String> warnings() {
        SwarmSession current = life.session();
        return current == null ? List.of() : current.warnings();
    }

    boolean isInSwarm() {
        return life.session() != null || life.isLocked();
    }

    @Override
    public boolean isLocked() {
        return life.isLocked();
    }

    void containerEnded(Container container) {
        SwarmSession current = life.session();
        if (current != null) {
            current.containerEnded(container);
        }
    }

    void healthChanged(Container container) {
        SwarmSession current = life.session();
        if (current != null) {
            current.healthChanged(container);
        }
    }

    @Override
    public ClusterSnapshot snapshot() {
        SwarmSession current = life.session();
        return current == null ? null : current.snapshot();
    }

    @Override
    public void onSnapshot(Runnable listener) {
        life.onSnapshot(listener);
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
        SwarmSession current = life.session();
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

    private <T> CompletionStage<T> onSession(Function<SwarmSession, CompletionStage<T>> work) {
        SwarmSession current = life.session();
        return current == null ? CompletableFuture.failedFuture(life.notInSwarm()) : work.apply(current);
    }

    @Override
    public CompletionStage<NodeId> init(Init request) {
        return life.init(request);
    }

    @Override
    public CompletionStage<Void> join(Join request) {
        return life.join(request);
    }

    @Override
    public CompletionStage<Void> leave(boolean force) {
        return life.leave(force);
    }

    @Override
    public CompletionStage<Void> unlock(String key) {
        return life.unlock(key);
    }

    @Override
    public CompletionStage<Void> updateSwarm(long version, JsonNode spec, boolean rotateUnlockKey) {
        return life.updateSwarm(version, spec, rotateUnlockKey);
    }

    @Override
    public String unlockKey() {
        SwarmSession current = life.requireManager();
        if (ClusterDocument.unlockKeyDigest(current.snapshot()) == null) {
            return "";
        }
        if (life.autolock().lacksKey(current.snapshot())) {
            throw ApiException.unavailable("this manager has not got the unlock key from the others yet; try again, at another manager, or make a new"
                    + " one with docker swarm unlock-key --rotate");
        }
        return life.autolock().key(current.snapshot()).text();
    }

    @Override
    public CompletionStage<Void> removeNode(NodeId node, boolean force) {
        return onSession(current -> Writes.run(current, (core, now) -> {
            Member member = core.snapshot().members().get(node);
            boolean up = member != null && member.status().isUp();
            if (up && !force || node.equals(core.self())) {
                throw new WriteRefusedException(WriteRefusedException.Reason.IN_USE,
                        "node " + node + " is not down and can't be removed");
            }
            return core.delete(node.value(), now);
        }, object -> object.uid(), object -> object.generation()).thenApply(object -> null));
    }

    @Override
    public String joinToken(Role role) {
        SwarmSession current = life.requireManager();
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
        SwarmSession current = life.requireSession();
        return current.trust().named(current.snapshot());
    }

    @Override
    public CompletionStage<Chunk> read(Task task, long position, int tail, int maxBytes) {
        return onSession(current -> current.logs().read(task, position, tail, maxBytes));
    }

    @Override
    public void close() {
        life.close();
    }
}
