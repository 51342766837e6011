package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.trust.NodeCredentials;
import java.io.IOException;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** An attacker's TLS client: trusts anyone, shows what it is given, and then says what it likes. */
final class RawTls {
    private RawTls() {}

    /** {@code credentials} may be null: no certificate is shown. */
    static SSLSocket connect(Endpoint to, NodeCredentials credentials) throws Exception {
        KeyManager[] keys = null;
        if (credentials != null) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setKeyEntry("node", credentials.key(), new char[0], new Certificate[] {credentials.certificate()});
            KeyManagerFactory factory = KeyManagerFactory.getInstance("SunX509");
            factory.init(store, new char[0]);
            keys = factory.getKeyManagers();
        }
        SSLContext context = SSLContext.getInstance("TLSv1.3");
        context.init(keys, new TrustManager[] {new TrustAnyone()}, null);
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(to.host(), to.port());
        socket.setSoTimeout(60_000);
        return socket;
    }

    /** True once the other side has ended the connection, in whatever way; reads and throws away what comes before. */
    static boolean isEnded(Socket socket) {
        try {
            byte[] buffer = new byte[4096];
            while (socket.getInputStream().read(buffer) >= 0) {
                // keep reading
            }
            return true;
        } catch (java.net.SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true; // reset, or a TLS alert
        }
    }

    private static final class TrustAnyone implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
