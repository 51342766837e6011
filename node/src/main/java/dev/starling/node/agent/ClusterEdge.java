package dev.starling.node.agent;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.atomix.MembershipFeed;
import dev.starling.gossip.atomix.StarlingCluster;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.transport.PeerTransport;
import dev.starling.gossip.transport.RequestHandler;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.node.image.BlobDesk;
import dev.starling.node.image.BlobExchange;
import dev.starling.node.task.AgentTaskLogs;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Requests from node to node by member id. Logs go through Atomix's cluster communication on our transport and membership; certificates and
 * secrets go over the transport itself, since who hands them out has to see the identity of the connection.
 */
final class ClusterEdge implements AutoCloseable {
    private static final long START_SECONDS = 10;
    private static final String RENEW = "renew";
    private static final Duration RENEW_TIMEOUT = Duration.ofSeconds(10);
    private static final String SECRET = "secret";
    private static final Duration SECRET_TIMEOUT = Duration.ofSeconds(10);

    private static final String BLOB = "blob";
    private static final Duration BLOB_TIMEOUT = Duration.ofSeconds(10);
    private static final String STEWARD = "blob-steward";
    private static final Duration STEWARD_TIMEOUT = Duration.ofSeconds(3);

    private final MembershipFeed feed = new MembershipFeed();
    private final StarlingCluster cluster;
    private final NodeId self;
    private final PeerTransport transport;

    ClusterEdge(PeerTransport transport, NodeCredentials credentials) {
        this.self = credentials.nodeId();
        this.transport = transport;
        this.cluster = StarlingCluster.create(credentials.clusterId(), self, transport, feed);
    }

    void start(Collection<Endpoint> seeds) {
        cluster.seeds(seeds);
        cluster.start().orTimeout(START_SECONDS, TimeUnit.SECONDS).join();
    }

    void memberChanged(Member member) {
        if (member.id().equals(self)) {
            return;
        }
        if (member.status().isUp()) {
            feed.memberUp(member.id(), member.endpoint(), member.role());
        } else {
            feed.memberDown(member.id());
        }
    }

    void memberForgotten(Member member) {
        feed.memberDown(member.id());
    }

    CompletableFuture<byte[]> askForLog(NodeId node, byte[] request) {
        return cluster.ask(node, AgentTaskLogs.SUBJECT, request, AgentTaskLogs.TIMEOUT);
    }

    void answerLogs(Function<byte[], CompletionStage<byte[]>> handler) {
        cluster.answer(AgentTaskLogs.SUBJECT, handler);
    }

    /** Asks {@code manager}, and nobody else at its address, for a new certificate. */
    CompletableFuture<byte[]> askForCertificate(Member manager, byte[] request) {
        return transport.request(manager.endpoint(), manager.id(), RENEW, request, RENEW_TIMEOUT);
    }

    void answerRenewals(RequestHandler handler) {
        transport.handle(RENEW, handler);
    }

    /** Asks {@code manager} for the value of a secret; the uid goes there, the value comes back. */
    CompletableFuture<byte[]> askForSecret(Member manager, String uid) {
        return transport.request(manager.endpoint(), manager.id(), SECRET, uid.getBytes(StandardCharsets.UTF_8), SECRET_TIMEOUT);
    }

    void answerSecrets(RequestHandler handler) {
        transport.handle(SECRET, handler);
    }

    /** Asks {@code neighbour} for a part of an image; see {@link BlobDesk}. */
    CompletableFuture<byte[]> askForBlob(Member neighbour, byte[] request) {
        return transport.request(neighbour.endpoint(), neighbour.id(), BLOB, request, BLOB_TIMEOUT);
    }

    void answerBlobs(RequestHandler handler) {
        transport.handle(BLOB, handler);
    }

    /** Asks {@code steward} whom this node is to follow in downloading a blob; see {@link BlobExchange}. */
    CompletableFuture<byte[]> askSteward(Member steward, byte[] request) {
        return transport.request(steward.endpoint(), steward.id(), STEWARD, request, STEWARD_TIMEOUT);
    }

    void answerAsSteward(RequestHandler handler) {
        transport.handle(STEWARD, handler);
    }

    @Override
    public void close() {
        cluster.stop().orTimeout(START_SECONDS, TimeUnit.SECONDS).exceptionally(late -> null).join();
    }
}
