package dev.starling.node.join;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.JoinToken;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.gossip.trust.TrustException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;

/** Asks a manager to let this node in: the token's CA digest says whom to trust, its secret says who may join. */
public final class JoinClient {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final Duration WHOLE_ANSWER = Duration.ofSeconds(20);
    private static final int MAX_REPLY_BYTES = 256 << 10;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The manager was reached and said no, or nobody could be reached. {@code refused}: another try will not help. */
    public static final class JoinException extends RuntimeException {
        private static final long serialVersionUID = 1;

        private final boolean refused;

        JoinException(boolean refused, String message, Throwable cause) {
            super(message, cause);
            this.refused = refused;
        }

        public boolean refused() {
            return refused;
        }
    }

    /**
     * Asks a manager, at its join port, to renew the certificate of {@code own}: for a node that the others do not let in, since its certificate has
     * ended. It shows that it has the key; the manager looks up who that is. Blocks for at most some seconds.
     *
     * @return the manager's answer, as from node to node
     */
    public static byte[] renew(Endpoint manager, NodeCredentials own, InstantSource clock, byte[] request) {
        HttpRequest post = HttpRequest.newBuilder(URI.create("https://" + manager + JoinServer.RENEW_PATH)).timeout(TIMEOUT)
                .POST(HttpRequest.BodyPublishers.ofByteArray(request)).build();
        TrustManager managersOnly = new PeerTrust(chain -> NodeCredentials.peer(chain, own.roots(), clock.instant()));
        return send(manager, post, client(new KeyManager[] {new ShownKey(own)}, managersOnly), WHOLE_ANSWER);
    }

    /** Blocks for at most some seconds. */
    public static JoinReply join(Endpoint manager, JoinToken token, NodeKey key, String availability) {
        return join(manager, token, key, availability, WHOLE_ANSWER);
    }

    static JoinReply join(Endpoint manager, JoinToken token, NodeKey key, String availability, Duration within) {
        String body = JSON.createObjectNode().put("csr", Base64.getEncoder().encodeToString(key.certificateRequest()))
                .put("availability", availability).toString();
        HttpRequest request = HttpRequest.newBuilder(URI.create("https://" + manager + JoinServer.PATH)).timeout(TIMEOUT)
                .header("X-Starling-Join-Token", token.text()).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build();
        byte[] reply = send(manager, request, client(null, new PeerTrust(chain -> ofToken(chain, token))), within);
        try {
            JsonNode json = JSON.readTree(reply);
            List<String> gossip = new ArrayList<>();
            json.path("gossip").forEach(address -> gossip.add(address.asText()));
            return new JoinReply(json.path("certificate").asText(), json.path("caCertificate").asText(), JoinReply.read(json.path("retired")),
                    json.path("caKey").textValue(), json.path("dataKey").textValue(), json.path("unlockKey").textValue(), gossip,
                    Instant.ofEpochMilli(json.path("now").asLong()), Instant.ofEpochMilli(json.path("wallClock").asLong()));
        } catch (IOException e) {
            throw new JoinException(false, manager + ": its answer is no JSON: " + e.getMessage(), e);
        }
    }

    /** The timeout of {@code request} is over with the answer's head; {@code within} is for all of it. */
    private static byte[] send(Endpoint manager, HttpRequest request, HttpClient client, Duration within) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        CompletableFuture<HttpResponse<Void>> answer = client.sendAsync(request, HttpResponse.BodyHandlers.ofByteArrayConsumer(part -> part.ifPresent(bytes -> {
            if (body.size() <= MAX_REPLY_BYTES) { // of more there is no use
                body.writeBytes(bytes);
            }
        })));
        try {
            int status = answer.get(within.toNanos(), TimeUnit.NANOSECONDS).statusCode();
            if (body.size() > MAX_REPLY_BYTES) {
                throw new JoinException(true, manager + ": its answer has more than " + MAX_REPLY_BYTES + " bytes", null);
            }
            if (status != 200) {
                throw new JoinException(status < 500, JSON.readTree(body.toByteArray()).path("message").asText("status " + status), null);
            }
            return body.toByteArray();
        } catch (TimeoutException e) {
            answer.cancel(true);
            throw new JoinException(false, manager + ": no whole answer within " + within.toSeconds() + " s", e);
        } catch (ExecutionException e) {
            IOException cause = e.getCause() instanceof IOException known ? known : new IOException(e.getCause());
            throw new JoinException(false, manager + ": " + reason(cause), cause);
        } catch (IOException e) {
            throw new JoinException(false, manager + ": " + reason(e), e);
        } catch (InterruptedException e) {
            answer.cancel(true);
            Thread.currentThread().interrupt();
            throw new JoinException(false, manager + ": interrupted", e);
        }
    }

    private static String reason(IOException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateException) {
                return cause.getMessage();
            }
        }
        return e instanceof java.net.ConnectException ? "connection refused or no route: is a Starling manager running there?" : e.toString();
    }

    /**
     * Who shows {@code chain}, whose last certificate has to be the root of the token. When it ended is not asked: a node that joins may have no
     * idea of the time, and gets it from the answer.
     */
    private static PeerIdentity ofToken(List<X509Certificate> chain, JoinToken token) {
        X509Certificate root = chain.get(chain.size() - 1);
        if (!token.matches(root)) {
            throw new IllegalArgumentException("remote CA does not match fingerprint. Expected: " + token.caDigest());
        }
        return ClusterRoots.pinned(root, chain.get(0)).identify(chain);
    }

    private static HttpClient client(KeyManager[] keys, TrustManager trust) {
        try {
            SSLContext context = SSLContext.getInstance("TLSv1.3");
            context.init(keys, new TrustManager[] {trust}, null);
            return HttpClient.newBuilder().sslContext(context).connectTimeout(Duration.ofSeconds(4)).version(HttpClient.Version.HTTP_1_1).build();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java has no TLS 1.3", e);
        }
    }

    /** Trusts managers whose chain {@code identify} accepts. Host names say nothing here: identity is the certificate. */
    private static final class PeerTrust extends X509ExtendedTrustManager {
        private final Function<List<X509Certificate>, PeerIdentity> identify;

        PeerTrust(Function<List<X509Certificate>, PeerIdentity> identify) {
            this.identify = identify;
        }

        private void check(X509Certificate[] chain) throws CertificateException {
            try {
                PeerIdentity peer = identify.apply(List.of(chain));
                if (peer.role() != Role.MANAGER) {
                    throw new CertificateException("node " + peer.id() + " is a worker: ask a manager");
                }
            } catch (TrustException | IllegalArgumentException e) {
                throw new CertificateException(e.getMessage(), e);
            }
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            throw new CertificateException("this end is never a server");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket) throws CertificateException {
            throw new CertificateException("this end is never a server");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine) throws CertificateException {
            throw new CertificateException("this end is never a server");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    /** Shows this node's certificate, whatever issuers the other side asks for. */
    private static final class ShownKey extends X509ExtendedKeyManager {
        private static final String ALIAS = "node";
        private final NodeCredentials own;

        ShownKey(NodeCredentials own) {
            this.own = own;
        }

        @Override
        public String chooseClientAlias(String[] keyTypes, Principal[] issuers, Socket socket) {
            return ALIAS;
        }

        @Override
        public String chooseEngineClientAlias(String[] keyTypes, Principal[] issuers, SSLEngine engine) {
            return ALIAS;
        }

        @Override
        public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
            return null;
        }

        @Override
        public String[] getClientAliases(String keyType, Principal[] issuers) {
            return new String[] {ALIAS};
        }

        @Override
        public String[] getServerAliases(String keyType, Principal[] issuers) {
            return new String[0];
        }

        @Override
        public X509Certificate[] getCertificateChain(String alias) {
            return own.chain().toArray(X509Certificate[]::new);
        }

        @Override
        public PrivateKey getPrivateKey(String alias) {
            return own.key();
        }
    }

    private JoinClient() {}
}
