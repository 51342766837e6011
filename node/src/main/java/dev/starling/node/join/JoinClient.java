package dev.starling.node.join;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Role;
import dev.starling.gossip.trust.JoinToken;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.gossip.trust.TrustException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/** Asks a manager to let this node in: the token's CA digest says whom to trust, its secret says who may join. */
public final class JoinClient {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
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

    /** Blocks for at most some seconds. */
    public static JoinReply join(Endpoint manager, JoinToken token, NodeKey key, String availability) {
        String body = JSON.createObjectNode().put("csr", Base64.getEncoder().encodeToString(key.certificateRequest()))
                .put("availability", availability).toString();
        HttpRequest request = HttpRequest.newBuilder(URI.create("https://" + manager + JoinServer.PATH)).timeout(TIMEOUT)
                .header("X-Starling-Join-Token", token.text()).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build();
        try {
            HttpResponse<InputStream> response = client(token).send(request, HttpResponse.BodyHandlers.ofInputStream());
            JsonNode json = JSON.readTree(bounded(manager, response.body()));
            if (response.statusCode() != 200) {
                throw new JoinException(response.statusCode() < 500, json.path("message").asText("status " + response.statusCode()), null);
            }
            List<String> gossip = new ArrayList<>();
            json.path("gossip").forEach(address -> gossip.add(address.asText()));
            return new JoinReply(json.path("certificate").asText(), json.path("caCertificate").asText(),
                    json.path("caKey").textValue(), json.path("dataKey").textValue(), gossip);
        } catch (IOException e) {
            throw new JoinException(false, manager + ": " + reason(e), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new JoinException(false, manager + ": interrupted", e);
        }
    }

    private static byte[] bounded(Endpoint manager, InputStream body) throws IOException {
        try (body) {
            byte[] reply = body.readNBytes(MAX_REPLY_BYTES + 1);
            if (reply.length > MAX_REPLY_BYTES) {
                throw new JoinException(true, manager + ": its answer has more than " + MAX_REPLY_BYTES + " bytes", null);
            }
            return reply;
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

    private static HttpClient client(JoinToken token) {
        try {
            SSLContext context = SSLContext.getInstance("TLSv1.3");
            context.init(null, new TrustManager[] {new TokenTrust(token)}, null);
            return HttpClient.newBuilder().sslContext(context).connectTimeout(Duration.ofSeconds(4)).version(HttpClient.Version.HTTP_1_1).build();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java has no TLS 1.3", e);
        }
    }

    /** Trusts a manager whose chain ends in the CA of the token. Host names say nothing here: identity is the certificate. */
    private static final class TokenTrust extends X509ExtendedTrustManager {
        private final JoinToken token;

        TokenTrust(JoinToken token) {
            this.token = token;
        }

        private void check(X509Certificate[] chain) throws CertificateException {
            X509Certificate ca = chain[chain.length - 1];
            if (!token.matches(ca)) {
                throw new CertificateException("remote CA does not match fingerprint. Expected: " + token.caDigest());
            }
            try {
                PeerIdentity peer = NodeCredentials.peer(chain[0], ca);
                if (peer.role() != Role.MANAGER) {
                    throw new CertificateException("node " + peer.id() + " is a worker: ask a manager");
                }
            } catch (TrustException e) {
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

    private JoinClient() {}
}
