package dev.starling.node.join;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.FreePort;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.JoinToken;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.api.ApiException;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerConfig;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.ServerSSLOptions;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A join from end to end on the loopback address: who is let in, with what, and who is not. */
@Timeout(300)
class JoinTest {
    private final class Swarm implements JoinServer.Cluster {
        @Override
        public ClusterAuthority tokenAuthority() {
            if (tokensFail != null) {
                throw tokensFail;
            }
            return authority;
        }

        @Override
        public ClusterAuthorities authorities() {
            return authorities;
        }

        @Override
        public Duration certificateLife() {
            return ClusterAuthority.NODE_LIFE;
        }

        @Override
        public UnlockKey unlockKey() {
            return null;
        }

        @Override
        public TrustClock clock() {
            return TrustClock.system(Instant.EPOCH);
        }

        @Override
        public byte[] renew(X509Certificate shown, byte[] request) {
            if (!NodeCredentials.ownerOf(shown, "k3x9").equals(key.nodeId())) {
                throw new IllegalStateException("is not enrolled");
            }
            return "issued".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        }

        final Map<Role, Integer> rotations = new EnumMap<>(Role.class);
        final List<String> enrolled = new CopyOnWriteArrayList<>();
        volatile RuntimeException failure;
        volatile RuntimeException tokensFail;
        volatile ClusterAuthorities authorities = ClusterAuthorities.of(authority);

        @Override
        public int tokenRotation(Role role) {
            return rotations.getOrDefault(role, 0);
        }

        @Override
        public String dataKey() {
            return "the data key";
        }

        @Override
        public List<String> gossipAddresses() {
            return List.of("10.0.0.1:7946", "10.0.0.2:7946");
        }

        @Override
        public CompletionStage<?> enrol(NodeId node, Role role, String availability) {
            if (failure != null) {
                return CompletableFuture.failedFuture(failure);
            }
            enrolled.add(node + " " + role + " " + availability);
            return CompletableFuture.completedFuture(null);
        }
    }

    private final ClusterAuthority authority = ClusterAuthority.create("k3x9");
    private final Swarm swarm = new Swarm();
    private final NodeKey key = NodeKey.generate();
    private final Vertx vertx = Vertx.vertx();
    private volatile NodeCredentials credentials = authority.enrol(NodeKey.generate(), Role.MANAGER);
    private JoinServer server;
    private Endpoint address;

    @BeforeEach
    void listen() {
        server = new JoinServer(vertx, () -> credentials, swarm);
        server.listen(new Endpoint("127.0.0.1", FreePort.ofLoopback()));
        address = new Endpoint("127.0.0.1", server.port());
    }

    @AfterEach
    void close() throws Exception {
        server.close();
        vertx.close().toCompletionStage().toCompletableFuture().get(90, TimeUnit.SECONDS);
    }

    private JoinToken token(Role role) {
        return JoinTokens.derive(authority, role, swarm.tokenRotation(role));
    }

    private JoinClient.JoinException fails(JoinToken token) {
        JoinClient.JoinException failure = assertThrows(JoinClient.JoinException.class, () -> JoinClient.join(address, token, key, "active"));
        assertEquals(List.of(), swarm.enrolled);
        return failure;
    }

    @Test
    void aWorkerGetsACertificateAndNeverTheKeyOfTheCa() {
        JoinReply reply = JoinClient.join(address, token(Role.WORKER), key, "drain");
        NodeCredentials joined = NodeCredentials.of(key, reply.certificate(), reply.caCertificate());
        assertEquals(key.nodeId(), joined.nodeId());
        assertEquals(Role.WORKER, joined.role());
        assertEquals("k3x9", joined.clusterId());
        assertNull(reply.caKey());
        assertNull(reply.dataKey());
        assertEquals(List.of("10.0.0.1:7946", "10.0.0.2:7946"), reply.gossip());
        assertEquals(List.of(key.nodeId() + " WORKER drain"), swarm.enrolled);
    }

    @Test
    void aManagerGetsTheKeyAndCanLetOthersIn() {
        JoinReply reply = JoinClient.join(address, token(Role.MANAGER), key, "active");
        assertNotNull(reply.caKey());
        assertEquals("the data key", reply.dataKey());
        ClusterAuthority copy = ClusterAuthority.of(reply.caKey(), reply.caCertificate());
        assertEquals(token(Role.WORKER).text(), JoinTokens.derive(copy, Role.WORKER, 0).text(), "each manager derives the same tokens");
        assertEquals(Role.MANAGER, NodeCredentials.of(key, reply.certificate(), reply.caCertificate()).role());
    }

    @Test
    void aWrongSecretIsRefused() {
        JoinClient.JoinException failure = fails(JoinToken.make(authority.certificate(), new byte[16]));
        assertTrue(failure.refused(), "another try will not help");
        assertTrue(failure.getMessage().contains("valid join token"), failure.getMessage());
        assertEquals(1, server.refusals());
    }

    @Test
    void aRotatedTokenIsRefusedAndTheOtherRolesStays() {
        JoinToken old = token(Role.WORKER);
        swarm.rotations.put(Role.WORKER, 1);
        assertTrue(fails(old).refused());
        JoinClient.join(address, token(Role.WORKER), key, "active");
        JoinClient.join(address, token(Role.MANAGER), NodeKey.generate(), "active");
    }

    /** The token's secret must not reach a manager of another cluster: the client ends the handshake first. */
    @Test
    void anotherClustersManagerIsNotTrusted() {
        JoinClient.JoinException failure = fails(JoinTokens.derive(ClusterAuthority.create("other"), Role.WORKER, 0));
        assertTrue(failure.getMessage().contains("remote CA does not match fingerprint"), failure.getMessage());
        assertEquals(0, server.refusals(), "no request was sent");
    }

    @Test
    void aWorkerCannotPoseAsAManager() {
        server.close();
        credentials = authority.enrol(NodeKey.generate(), Role.WORKER);
        listen();
        assertTrue(fails(token(Role.WORKER)).getMessage().contains("is a worker: ask a manager"));
    }

    @Test
    void whereNobodyListensTheErrorSaysWhatToLookFor() {
        server.close();
        JoinClient.JoinException failure = assertThrows(JoinClient.JoinException.class,
                () -> JoinClient.join(new Endpoint("127.0.0.1", FreePort.ofLoopback()), token(Role.WORKER), key, "active"));
        assertFalse(failure.refused());
        assertTrue(failure.getMessage().contains("is a Starling manager running there?"), failure.getMessage());
    }

    @Test
    void aNodeThatCannotBeEnrolledGetsNoCertificate() {
        swarm.failure = new IllegalStateException("this node was removed from the cluster");
        JoinClient.JoinException failure = fails(token(Role.WORKER));
        assertTrue(failure.getMessage().contains("removed from the cluster"), failure.getMessage());
    }

    /** While the CA is rotated a manager may lack a key for a moment; another one may have it, so nobody is refused for that. */
    @Test
    void aManagerThatLacksAKeyOfTheCaSendsToAnother() {
        JoinToken token = token(Role.WORKER);
        swarm.authorities = ClusterAuthorities.of(ClusterAuthority.create("k3x9"));
        JoinClient.JoinException noKey = fails(token);
        assertFalse(noKey.refused(), noKey.getMessage());
        assertTrue(noKey.getMessage().contains("has no key of a CA"), noKey.getMessage());
        swarm.tokensFail = ApiException.unavailable("this manager has not got the key yet");
        JoinClient.JoinException noTokens = fails(token);
        assertFalse(noTokens.refused(), noTokens.getMessage());
        assertTrue(noTokens.getMessage().contains("has not got the key yet"), noTokens.getMessage());
    }

    /** A manager that loses power in the midst of its answer: who waits for the rest waits on the thread that every later try needs. */
    @Test
    void anAnswerThatDoesNotEndIsGivenUp() throws Exception {
        HttpServer manager = vertx.createHttpServer(new HttpServerConfig().setVersions(HttpVersion.HTTP_1_1), new ServerSSLOptions().setUseAlpn(false)
                .setKeyCertOptions(JoinServer.keyAndCertificate(credentials))).requestHandler(request -> request.response().setChunked(true).write("{"));
        manager.listen(0, "127.0.0.1").toCompletionStage().toCompletableFuture().get(90, TimeUnit.SECONDS);
        JoinClient.JoinException failure = assertThrows(JoinClient.JoinException.class, () -> JoinClient.join(
                new Endpoint("127.0.0.1", manager.actualPort()), token(Role.WORKER), key, "active", Duration.ofSeconds(1)));
        assertFalse(failure.refused());
        assertTrue(failure.getMessage().contains("no whole answer within 1 s"), failure.getMessage());
    }

    @Test
    void requestsOutOfTheOrdinary() throws Exception {
        String json = "{\"csr\": \"" + Base64.getEncoder().encodeToString(key.certificateRequest()) + "\"}";
        String secret = token(Role.WORKER).text();
        assertEquals(404, post("/v1/other", secret, json).statusCode());
        assertEquals(403, post(JoinServer.PATH, "x".repeat(1_000), json).statusCode());
        assertEquals(400, post(JoinServer.PATH, secret, "{\"csr\": \"bm8=\"}").statusCode());
        assertEquals(400, post(JoinServer.PATH, secret, "no json").statusCode());
        assertEquals(List.of(), swarm.enrolled);
    }

    /** Its certificate ended long ago, and is of a CA that nobody knows any more: the key is what counts. */
    @Test
    void theOwnerOfAnEnrolledKeyRenewsAtTheJoinPort() {
        ownersRenew();
    }

    @Test
    void theOwnerOfAnEnrolledKeyRenewsAtAManagerThatHasRenewedItsOwn() throws Exception {
        X509Certificate before = credentials.certificate();
        credentials = credentials.renewed(ClusterAuthority.pem(authority.issue(credentials.certificateRequest(), Role.MANAGER,
                Instant.now().plusSeconds(86_400))));
        server.renew();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
        while (shownBy(address).equals(before)) {
            assertTrue(System.nanoTime() < deadline, "it shows the old certificate");
        }
        ownersRenew();
    }

    /** The certificate that a manager shows to who connects. */
    private static X509Certificate shownBy(Endpoint address) throws Exception {
        try (SSLSocket socket = (SSLSocket) trustingAnyone().getSocketFactory().createSocket(address.host(), address.port())) {
            socket.setSoTimeout(90_000);
            return (X509Certificate) socket.getSession().getPeerCertificates()[0];
        }
    }

    private void ownersRenew() {
        NodeCredentials ended = new NodeCredentials(key.privateKey(),
                authority.issue(key.certificateRequest(), Role.WORKER, Instant.now().minusSeconds(86_400)), authority.certificate());
        assertEquals("issued", new String(JoinClient.renew(address, ended, Instant::now, ended.certificateRequest()),
                java.nio.charset.StandardCharsets.US_ASCII));
        NodeCredentials stranger = authority.enrol(NodeKey.generate(), Role.MANAGER);
        JoinClient.JoinException unknown = assertThrows(JoinClient.JoinException.class,
                () -> JoinClient.renew(address, stranger, Instant::now, stranger.certificateRequest()));
        assertTrue(unknown.refused() && unknown.getMessage().contains("not enrolled"), unknown.getMessage());
        NodeCredentials elsewhere = ClusterAuthority.create("other").enrol(key, Role.WORKER);
        assertThrows(JoinClient.JoinException.class, () -> JoinClient.renew(address, elsewhere, Instant::now, elsewhere.certificateRequest()),
                "it does not trust this manager");
        assertEquals(1, server.refusals());
    }

    @Test
    void withoutACertificateNothingIsRenewed() throws Exception {
        assertEquals(403, post("/v1/renew", "", "x").statusCode());
    }

    /** Its first part is a whole request: it must not be taken for one. */
    @Test
    void anOversizedBodyAdmitsNobody() throws Exception {
        String json = "{\"csr\": \"" + Base64.getEncoder().encodeToString(key.certificateRequest()) + "\"}";
        for (int times : new int[] {1, 2, 4}) {
            HttpResponse<String> response = post(JoinServer.PATH, token(Role.MANAGER).text(), json + " ".repeat(times * JoinServer.MAX_BODY_BYTES));
            assertEquals(413, response.statusCode(), response.body());
        }
        NodeKey other = NodeKey.generate(); // by the time this one is in, the others would be too
        JoinClient.join(address, token(Role.WORKER), other, "active");
        assertEquals(List.of(other.nodeId() + " WORKER active"), swarm.enrolled);
    }

    private HttpResponse<String> post(String path, String token, String body) throws Exception {
        HttpClient client = HttpClient.newBuilder().sslContext(trustingAnyone()).version(HttpClient.Version.HTTP_1_1).build();
        return client.send(HttpRequest.newBuilder(URI.create("https://" + address + path)).header("X-Starling-Join-Token", token)
                .POST(HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static SSLContext trustingAnyone() throws GeneralSecurityException {
        SSLContext context = SSLContext.getInstance("TLSv1.3");
        context.init(null, new TrustManager[] {new TrustAnyone()}, null);
        return context;
    }

    private static final class TrustAnyone extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
