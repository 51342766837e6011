package dev.starling.node.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.TrustException;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.api.ApiException;
import dev.starling.node.core.Document;
import dev.starling.node.swarm.Autolock;
import dev.starling.node.swarm.ClusterDocument;
import dev.starling.node.swarm.SwarmDirectory;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * {@code docker swarm update}, {@code docker swarm ca --rotate} and {@code docker swarm unlock-key --rotate}: all come as the swarm's whole spec,
 * changed. What is in it of keys is acted on and never written: every worker has a copy of what is.
 */
final class SwarmSettings {
    private final SwarmDirectory directory;
    private final Autolock autolock;
    private final Function<CompletableFuture<Document>, Document> await;

    SwarmSettings(SwarmDirectory directory, Autolock autolock, Function<CompletableFuture<Document>, Document> await) {
        this.directory = directory;
        this.autolock = autolock;
        this.await = await;
    }

    /** On the thread of transitions; returns when it is kept as any write is. A rotation then goes on by itself. */
    void change(SwarmSession session, long version, JsonNode spec, boolean rotateUnlockKey) {
        Document cluster = ClusterDocument.of(session.snapshot());
        if (cluster == null) {
            throw ApiException.unavailable("this node has not heard of the cluster's settings yet; try again");
        }
        if (cluster.object().generation() != version) {
            throw new ApiException(500, "rpc error: code = Unknown desc = update out of sequence");
        }
        ObjectNode wanted = spec.deepCopy();
        ClusterAuthority nextRoot = nextRoot(session, cluster, wanted);
        SwarmDirectory.Identity prepared = nextRoot == null ? null : RootRotation.prepare(session.identity(), nextRoot);
        String unlockKey = unlockKey(session, wanted, rotateUnlockKey);
        await.apply(Writes.write(session, (core, now) ->
                core.update(cluster.uid(), version, ClusterDocument.changed(cluster, wanted, unlockKey), now)));
        autolock.follow(session.snapshot(), session.role());
        if (prepared != null) {
            directory.renew(prepared); // the key is on disk before anyone hears of the root
            session.renew(prepared);
            ClusterRoots roots = prepared.credentials().roots();
            await.apply(RootRotation.begin(session, roots));
        }
    }

    /** Takes what is about keys out of {@code wanted}. @return the root to rotate to; null for none */
    private static ClusterAuthority nextRoot(SwarmSession session, Document cluster, ObjectNode wanted) {
        if (!(wanted.path("CAConfig") instanceof ObjectNode config)) {
            return null;
        }
        long expiry = config.path("NodeCertExpiry").asLong(0);
        if (expiry != 0 && expiry < ClusterAuthority.SHORTEST_NODE_LIFE.toNanos()) {
            throw ApiException.badRequest("rpc error: code = InvalidArgument desc = minimum certificate expiry time must be: 1h0m0s");
        }
        JsonNode certificate = config.remove("SigningCACert");
        JsonNode key = config.remove("SigningCAKey");
        String certificatePem = certificate == null ? "" : certificate.asText("");
        String keyPem = key == null ? "" : key.asText("");
        boolean forced = config.path("ForceRotate").asLong(0) != cluster.spec().path("CAConfig").path("ForceRotate").asLong(0);
        String clusterId = session.credentials().clusterId();
        if (certificatePem.isEmpty() != keyPem.isEmpty()) {
            throw ApiException.badRequest("rpc error: code = InvalidArgument desc = a CA certificate and its key are needed, both or neither");
        }
        try {
            return !certificatePem.isEmpty() ? ClusterAuthority.adopt(keyPem, certificatePem, clusterId)
                    : forced ? ClusterAuthority.create(clusterId) : null;
        } catch (TrustException e) {
            throw new ApiException(400, "rpc error: code = InvalidArgument desc = " + e.getMessage(), e);
        }
    }

    /** Makes an unlock key where a new one is needed. @return the digest of the key that is to be in force; null for none */
    private String unlockKey(SwarmSession session, JsonNode wanted, boolean rotate) {
        boolean lock = wanted.path("EncryptionConfig").path("AutoLockManagers").asBoolean(false);
        String before = ClusterDocument.unlockKeyDigest(session.snapshot());
        if (rotate && !lock) {
            throw ApiException.badRequest("cannot rotate the unlock key because autolock is not turned on");
        }
        if (!lock || before != null && !rotate) {
            return lock ? before : null;
        }
        UnlockKey made = UnlockKey.generate();
        autolock.learn(made); // in force, and on disk, once the settings name it
        return made.digest();
    }
}
