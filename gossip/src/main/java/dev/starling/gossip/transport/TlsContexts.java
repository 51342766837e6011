package dev.starling.gossip.transport;

import dev.starling.gossip.trust.ClusterRoots;
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
import java.time.InstantSource;
import java.util.Arrays;
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

    private final Peers peers;
    private final SslContext server;
    private final SslContext client;

    /** @param clock what certificates are judged by */
    TlsContexts(NodeCredentials credentials, InstantSource clock) {
        OwnKey key = new OwnKey(credentials);
        this.peers = new Peers(credentials.roots(), clock);
        ClusterOnly trust = new ClusterOnly(peers);
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
            return peers.identify(Arrays.copyOf(chain, chain.length, X509Certificate[].class));
        } catch (SSLPeerUnverifiedException e) {
            throw new IllegalStateException("the peer showed no certificate", e);
        }
    }

    private record Peers(ClusterRoots roots, InstantSource clock) {
        PeerIdentity identify(X509Certificate[] chain) {
            return NodeCredentials.peer(List.of(chain), roots, clock.instant());
        }
    }

    private static final class ClusterOnly extends X509ExtendedTrustManager {
        private final Peers peers;

        ClusterOnly(Peers peers) {
            this.peers = peers;
        }

        private void check(X509Certificate[] chain) throws CertificateException {
            if (chain == null || chain.length == 0) {
                throw new CertificateException("the peer showed no certificate");
            }
            try {
                peers.identify(chain);
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
            return peers.roots().trusted().toArray(X509Certificate[]::new);
        }
    }

    /** Always shows this node's one certificate, with its root cross-signed by older ones where there are any. */
    private static final class OwnKey extends X509ExtendedKeyManager {
        private static final String ALIAS = "node";
        private final NodeCredentials credentials;
        private final X509Certificate[] chain;

        OwnKey(NodeCredentials credentials) {
            this.credentials = credentials;
            this.chain = credentials.chain().toArray(X509Certificate[]::new);
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
            return chain.clone();
        }

        @Override
        public PrivateKey getPrivateKey(String alias) {
            return credentials.key();
        }
    }
}
