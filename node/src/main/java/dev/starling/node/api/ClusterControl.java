package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** The cluster as the Docker API sees it. Stages fail with {@link ApiException}; its status is the HTTP status. */
public interface ClusterControl {
    /** What Docker answers while {@link #isLocked}. */
    String LOCKED = "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker swarm unlock\" to unlock it.";

    /** Null while this node is in no swarm. */
    ClusterSnapshot snapshot();

    /** @param listener called whenever there is another {@link #snapshot}, on a thread that it must not hold up. The last one that is given counts */
    void onSnapshot(Runnable listener);

    /**
     * Writes a new object. Completes once it is on this node's disk and, where peers are reachable, on two more.
     * 503 where this node is no manager, 409 where a live object of the kind has the name.
     */
    CompletionStage<Document> create(Kind kind, JsonNode body);

    /**
     * As {@link #create} for a secret. Its value goes into the desired state sealed; nobody gets to read it but managers and the nodes that
     * run a task which uses it.
     */
    CompletionStage<Document> createSecret(JsonNode spec, byte[] value);

    /**
     * As {@link #create} for a service whose nodes are to pull its image as {@code credentials} say: the value of the CLI's {@code X-Registry-Auth}.
     * They go into the desired state sealed; nobody gets to read them but managers and the nodes that have a task of the service.
     */
    CompletionStage<Document> createService(JsonNode body, byte[] credentials);

    /** As {@link #update}, with other credentials than until now. */
    CompletionStage<Document> updateService(String uid, long generation, JsonNode body, byte[] credentials);

    /** Whether {@code value} is the value of {@code secret}. Managers only. */
    boolean secretHolds(Document secret, byte[] value);

    /** Replaces an object's body; {@code generation} is the one that was read. 404 unknown, 500 "update out of sequence" where it is stale. */
    CompletionStage<Document> update(String uid, long generation, JsonNode body);

    CompletionStage<Void> delete(String uid);

    /** {@code docker swarm init}: this node becomes the first manager. 503 where it is in a swarm already. @return its node id */
    CompletionStage<NodeId> init(Init request);

    /** {@code docker swarm join}. */
    CompletionStage<Void> join(Join request);

    /** {@code docker swarm leave}. 503 for a manager without {@code force}, in Docker's words. */
    CompletionStage<Void> leave(boolean force);

    /** {@code docker node rm}. 400 for a live node. */
    CompletionStage<Void> removeNode(NodeId node, boolean force);

    /** The token with which nodes join as {@code role}: {@code SWMTKN-1-<CA digest>-<secret>}. Managers only. */
    String joinToken(Role role);

    /** {@code docker swarm join-token --rotate}. */
    CompletionStage<Void> rotateJoinToken(Role role);

    /** What the cluster trusts: one CA certificate, and while the CA is rotated the older ones too. */
    ClusterRoots roots();

    /**
     * {@code docker swarm update} and {@code docker swarm ca --rotate}: the swarm's spec, changed; {@code version} is the one that was read. Completes
     * when it is written; a rotation goes on after that.
     */
    CompletionStage<Void> updateSwarm(long version, JsonNode spec, boolean rotateUnlockKey);

    /** Whether this is a manager that needs {@link #unlock} before it takes part in its swarm. */
    boolean isLocked();

    /** {@code docker swarm unlock}. 409 where it is not locked, 400 for a wrong key. */
    CompletionStage<Void> unlock(String key);

    /** {@code docker swarm unlock-key}; empty where managers do not lock themselves. Managers only. */
    String unlockKey();

    /** @param advertiseAddress host[:port] or empty; {@code listenAddress} likewise; {@code spec} Docker's swarm spec */
    record Init(String listenAddress, String advertiseAddress, JsonNode spec) {}

    record Join(String listenAddress, String advertiseAddress, List<String> remoteAddresses, String token, String availability) {}
}
