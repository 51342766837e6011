package dev.starling.node.join;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.JoinToken;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.gossip.trust.TrustException;
import dev.starling.gossip.trust.UnlockKey;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.http.Http1ServerConfig;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerConfig;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.ServerSSLOptions;
import io.vertx.core.net.TrustOptions;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where {@code docker swarm join} of other nodes is answered: HTTPS, {@code POST /v1/join}. The caller has no certificate
 * yet; its token, a header of bounded length, is checked before one byte of the body is read.
 *
 * <p>And where a node finds back whose certificate has ended: {@code POST /v1/renew}. It shows its certificate all the same, and with it, in the
 * TLS handshake, that it has the key; whose key that is, and whether it is enrolled, is for the {@link Cluster} to say.
 */
public final class JoinServer implements AutoCloseable {
    static final String PATH = "/v1/join";
    static final String RENEW_PATH = "/v1/renew";
    static final int MAX_BODY_BYTES = 16 << 10;

    private static final Logger LOG = LoggerFactory.getLogger(JoinServer.class);
    private static final Set<String> PROTOCOLS = Set.of("TLSv1.3");
    private static final Duration IDLE_TIMEOUT = Duration.ofSeconds(10);
    private static final int MAX_HEADER_BYTES = 4 << 10;
    private static final int MAX_TOKEN_CHARS = 256;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What the server needs of the cluster. */
    public interface Cluster {
        int tokenRotation(Role role);

        /** PEM of the key that secrets are sealed with: for a manager. Null where this manager has none. */
        String dataKey();

        /** Live members' gossip addresses. */
        List<String> gossipAddresses();

        /** Writes the new node into the desired state; fails where it was removed. */
        CompletionStage<?> enrol(NodeId node, Role role, String availability);

        /** The CA whose root is the oldest: what join tokens are made of. */
        ClusterAuthority tokenAuthority();

        ClusterAuthorities authorities();

        Duration certificateLife();

        /** Null where there is none. */
        UnlockKey unlockKey();

        TrustClock clock();

        /**
         * A new certificate for the node whose key is in {@code shown}.
         *
         * @throws IllegalStateException with the reason why there is none
         */
        byte[] renew(X509Certificate shown, byte[] request);
    }

    private final Vertx vertx;
    private final Cluster cluster;
    private final Supplier<NodeCredentials> credentials;
    private final LongAdder refused = new LongAdder();
    private HttpServer server;

    public JoinServer(Vertx vertx, Supplier<NodeCredentials> credentials, Cluster cluster) {
        this.vertx = vertx;
        this.credentials = credentials;
        this.cluster = cluster;
    }

    /** @throws IllegalStateException where the address cannot be bound */
    public void listen(Endpoint address) {
        HttpServerConfig config = new HttpServerConfig().setVersions(HttpVersion.HTTP_1_1).setIdleTimeout(IDLE_TIMEOUT)
                .setHttp1Config(new Http1ServerConfig().setMaxHeaderSize(MAX_HEADER_BYTES));
        HttpServer candidate = vertx.createHttpServer(config, tls()).requestHandler(this::handle);
        try {
            server = candidate.listen(address.port(), address.host()).toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException("join address " + address + " cannot be listened on: "
                    + (e.getCause() == null ? e : e.getCause()).getMessage() + "; choose another 'join-listen', or end what holds it", e);
        }
    }

    /** Who connects is asked for a certificate and need not have one; any will do here. */
    private ServerSSLOptions tls() {
        return new ServerSSLOptions().setEnabledSecureTransportProtocols(PROTOCOLS).setUseAlpn(false)
                .setKeyCertOptions(keyAndCertificate(credentials.get()))
                .setClientAuth(ClientAuth.REQUEST).setTrustOptions(TrustOptions.wrap(new AnyOwner()));
    }

    static PemKeyCertOptions keyAndCertificate(NodeCredentials own) {
        String key = "-----BEGIN PRIVATE KEY-----\n"
                + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(own.key().getEncoded()) + "\n-----END PRIVATE KEY-----\n";
        String chain = chain(own).stream().map(ClusterAuthority::pem).collect(Collectors.joining());
        return new PemKeyCertOptions().setKeyValue(Buffer.buffer(key)).setCertValue(Buffer.buffer(chain));
    }

    /** From the certificate to the root that join tokens pin; by the cross-signed form of its own root where that is a newer one. */
    private static List<X509Certificate> chain(NodeCredentials own) {
        X509Certificate pinned = own.roots().oldest();
        if (!own.ca().equals(pinned)) {
            for (X509Certificate cross : own.roots().crossSignedFor(own.certificate())) {
                if (ClusterRoots.pinned(pinned, own.certificate()).issuerOf(cross) != null) {
                    return List.of(own.certificate(), cross, pinned);
                }
            }
        }
        return List.of(own.certificate(), own.ca());
    }

    /** The credentials have changed: connections from now on show the new certificate. */
    public void renew() {
        server.updateSSLOptions(tls()).onFailure(e -> LOG.warn("the join listener still shows the old certificate: {}", e.toString()));
    }

    /** Where this server listens: the port it got where it was asked for port 0. */
    public int port() {
        return server.actualPort();
    }

    public long refusals() {
        return refused.sum();
    }

    private void handle(HttpServerRequest request) {
        if (request.method() == HttpMethod.POST && RENEW_PATH.equals(request.path())) {
            renew(request);
            return;
        }
        if (!PATH.equals(request.path()) || request.method() != HttpMethod.POST) {
            answer(request, 404, "no such resource: only POST " + PATH);
            return;
        }
        Role role;
        try {
            role = roleOf(request.getHeader("X-Starling-Join-Token"));
        } catch (RuntimeException e) { // it says why this manager cannot tell; another one may
            answer(request, 503, e.getMessage());
            return;
        }
        if (role == null) {
            refused.increment();
            LOG.warn("a node at {} was refused: its join token is not valid", request.remoteAddress());
            answer(request, 403, "A valid join token is necessary to join this cluster: it is wrong, was rotated, or belongs to another cluster");
            return;
        }
        withBody(request, body -> admit(request, role, body));
    }

    private void renew(HttpServerRequest request) {
        X509Certificate shown = shownCertificate(request);
        if (shown == null) {
            refused.increment();
            answer(request, 403, "a node that renews its certificate has to show the one that it has");
            return;
        }
        withBody(request, body -> {
            byte[] issued;
            try {
                issued = cluster.renew(shown, body);
            } catch (IllegalStateException | TrustException e) {
                refused.increment();
                answer(request, 403, e.getMessage());
                return;
            }
            request.response().putHeader("Content-Type", "application/json").end(Buffer.buffer(issued));
        });
    }

    private static X509Certificate shownCertificate(HttpServerRequest request) {
        try {
            return request.sslSession().getPeerCertificates()[0] instanceof X509Certificate shown ? shown : null;
        } catch (SSLPeerUnverifiedException e) {
            return null; // a node that joins has none
        }
    }

    /** One request's body, of bounded size, on a worker thread. */
    private interface BodyHandler {
        void handle(byte[] body) throws Exception;
    }

    private void withBody(HttpServerRequest request, BodyHandler handler) {
        Buffer body = Buffer.buffer();
        request.handler(chunk -> {
            if (body.length() + chunk.length() > MAX_BODY_BYTES) {
                request.handler(null).endHandler(null); // what came so far is no request: it must not admit anyone
                answer(request, 413, "the request has more than " + MAX_BODY_BYTES + " bytes");
            } else {
                body.appendBuffer(chunk);
            }
        });
        request.exceptionHandler(failure -> LOG.debug("join request broke off: {}", failure.toString()));
        request.endHandler(end -> vertx.executeBlocking(() -> {
            handler.handle(body.getBytes());
            return null;
        }, false).onFailure(e -> answer(request, 500, String.valueOf(e.getMessage()))));
    }

    private Role roleOf(String header) {
        if (header == null || header.length() > MAX_TOKEN_CHARS) {
            return null;
        }
        JoinToken presented;
        try {
            presented = JoinToken.parse(header);
        } catch (TrustException e) {
            LOG.debug("malformed join token: {}", e.getMessage());
            return null;
        }
        for (Role role : Role.values()) {
            if (presented.secretEquals(JoinTokens.derive(cluster.tokenAuthority(), role, cluster.tokenRotation(role)))) {
                return role;
            }
        }
        return null;
    }

    private void admit(HttpServerRequest request, Role role, byte[] body) {
        ClusterRoots roots = credentials.get().roots();
        ClusterAuthorities authorities = cluster.authorities();
        ClusterAuthority issuing;
        try {
            issuing = authorities.issuing(roots);
        } catch (TrustException e) {
            answer(request, 503, e.getMessage());
            return;
        }
        X509Certificate certificate;
        String availability;
        try {
            var json = JSON.readTree(body);
            certificate = issuing.issue(Base64.getDecoder().decode(json.path("csr").asText()), role,
                    cluster.clock().instant().plus(cluster.certificateLife()));
            availability = json.path("availability").asText("active");
        } catch (java.io.IOException | TrustException | IllegalArgumentException e) {
            answer(request, 400, "the join request does not parse: " + e.getMessage());
            return;
        }
        NodeId node = roots.identify(certificate, List.of()).id();
        cluster.enrol(node, role, availability).whenComplete((done, failure) -> {
            if (failure != null) {
                Throwable cause = failure.getCause() == null ? failure : failure.getCause();
                answer(request, 503, String.valueOf(cause.getMessage()));
                return;
            }
            ObjectNode reply = JSON.createObjectNode();
            reply.put("certificate", ClusterAuthority.pem(certificate));
            reply.put("caCertificate", roots.pem());
            reply.set("retired", JoinReply.write(roots.retired()));
            reply.put("now", cluster.clock().instant().toEpochMilli()).put("wallClock", cluster.clock().wallClock().toEpochMilli());
            if (role == Role.MANAGER) {
                reply.put("caKey", authorities.keysPem()).put("dataKey", cluster.dataKey());
                if (cluster.unlockKey() != null) {
                    reply.put("unlockKey", cluster.unlockKey().text());
                }
            }
            cluster.gossipAddresses().forEach(reply.putArray("gossip")::add);
            LOG.info("node {} joins as {}", node, role);
            request.response().putHeader("Content-Type", "application/json").end(reply.toString());
        });
    }

    private static void answer(HttpServerRequest request, int status, String message) {
        if (!request.response().ended()) {
            request.response().setStatusCode(status).putHeader("Content-Type", "application/json").putHeader("Connection", "close")
                    .end(JSON.createObjectNode().put("message", message).toString());
        }
    }

    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
    }
}
