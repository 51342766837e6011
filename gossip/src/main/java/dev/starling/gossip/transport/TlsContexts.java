package dev.starling.gossip.transport;

import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.gossip.trust.TrustException;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.net.Socket;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Mutual TLS 1.3 for one set of credentials. A peer is who the key in its certificate says; host names and addresses are not
 * looked at. Immutable: a renewed certificate makes a new one, which new connections use.
 */
final class TlsContexts {
    private static final String PROTOCOL = "TLSv1.3";
    /**
     * ChaCha20 first: the JDK's AES-GCM is fast only once C2 has compiled it, and agents run with C1 alone to stay small. There it was
     * measured at a quarter of the speed of ChaCha20; machines without AES instructions favour ChaCha20 anyway.
     */
    private static final List<String> CIPHERS = List.of("TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256");

    private final NodeCredentials credentials;
    private final SslContext server;
    private final SslContext client;

    TlsContexts(NodeCredentials credentials) {
        this.credentials = credentials;
        OwnKey key = new OwnKey(credentials);
        ClusterOnly trust = new ClusterOnly(credentials.ca());
        try {
            server = SslContextBuilder.forServer(key).sslProvider(SslProvider.JDK).trustManager(trust).clientAuth(ClientAuth.REQUIRE)
                    .protocols(PROTOCOL).ciphers(CIPHERS).build();
            client = SslContextBuilder.forClient().sslProvider(SslProvider.JDK).keyManager(key).trustManager(trust)
                    .endpointIdentificationAlgorithm(null).protocols(PROTOCOL).ciphers(CIPHERS).build();
        } catch (SSLException e) {
            throw new IllegalStateException("this Java runtime has no " + PROTOCOL + ": " + e.getMessage(), e);
        }
    }

    SslContext server() {
        return server;
    }

    SslContext client() {
        return client;
    }

    /** Checked once more after the handshake, since a resumed TLS session does not ask the trust manager. */
    PeerIdentity peer(SSLSession session) {
        try {
            Certificate[] chain = session.getPeerCertificates();
            if (chain.length == 0 || !(chain[0] instanceof X509Certificate certificate)) {
                throw new SSLPeerUnverifiedException("no X.509 certificate");
            }
            return NodeCredentials.peer(certificate, credentials.ca());
        } catch (SSLPeerUnverifiedException e) {
            throw new IllegalStateException("the peer showed no certificate", e);
        }
    }

    private static final class ClusterOnly extends X509ExtendedTrustManager {
        private final X509Certificate ca;

        ClusterOnly(X509Certificate ca) {
            this.ca = ca;
        }

        private void check(X509Certificate[] chain) throws CertificateException {
            if (chain == null || chain.length == 0) {
                throw new CertificateException("the peer showed no certificate");
            }
            try {
                NodeCredentials.peer(chain[0], ca);
            } catch (TrustException e) {
                throw new CertificateException(e.getMessage(), e);
            }
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
            check(chain);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[] {ca};
        }
    }

    /** Always shows this node's one certificate. */
    private static final class OwnKey extends X509ExtendedKeyManager {
        private static final String ALIAS = "node";
        private final NodeCredentials credentials;

        OwnKey(NodeCredentials credentials) {
            this.credentials = credentials;
        }

        @Override
        public String chooseEngineClientAlias(String[] keyTypes, Principal[] issuers, SSLEngine engine) {
            return ALIAS;
        }

        @Override
        public String chooseEngineServerAlias(String keyType, Principal[] issuers, SSLEngine engine) {
            return keyType.startsWith("EC") ? ALIAS : null;
        }

        @Override
        public String chooseClientAlias(String[] keyTypes, Principal[] issuers, Socket socket) {
            return ALIAS;
        }

        @Override
        public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
            return keyType.startsWith("EC") ? ALIAS : null;
        }

        @Override
        public String[] getClientAliases(String keyType, Principal[] issuers) {
            return new String[] {ALIAS};
        }

        @Override
        public String[] getServerAliases(String keyType, Principal[] issuers) {
            return new String[] {ALIAS};
        }

        @Override
        public X509Certificate[] getCertificateChain(String alias) {
            return new X509Certificate[] {credentials.certificate()};
        }

        @Override
        public PrivateKey getPrivateKey(String alias) {
            return credentials.key();
        }
    }
}
