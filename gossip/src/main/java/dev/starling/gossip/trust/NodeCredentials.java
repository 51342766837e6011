package dev.starling.gossip.trust;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Objects;

/**
 * What a node shows to others and checks them with: its key, its certificate and the cluster's CA. Checked when made, so that one
 * that exists is consistent. Renewal makes a new one over the same key.
 *
 * <p>On disk beside the key of {@link NodeKey}: {@code ca.crt} and {@code node.crt}, PEM, 0600. The certificate is written last:
 * where it is there, the rest is.
 */
public record NodeCredentials(PrivateKey key, X509Certificate certificate, X509Certificate ca) {
    private static final String CERTIFICATE_FILE = "node.crt";
    private static final String CA_FILE = "ca.crt";

    /** @throws TrustException where the three do not belong together */
    public NodeCredentials {
        Objects.requireNonNull(key, "key");
        NodeCertificate.read(certificate, ca);
        if (!EllipticKeys.match(key, certificate.getPublicKey())) {
            throw TrustException.refused("the certificate of node " + NodeKey.nodeIdOf(certificate.getPublicKey()) + " is not for this key");
        }
    }

    public static boolean exist(Path directory) {
        return new PrivateFile(directory.resolve(CERTIFICATE_FILE)).exists();
    }

    /** @throws TrustException where a file is missing, unreadable or does not fit the others */
    public static NodeCredentials load(Path directory) {
        return new NodeCredentials(NodeKey.load(directory).privateKey(), Pem.certificate(new PrivateFile(directory.resolve(CERTIFICATE_FILE)).read()),
                Pem.certificate(new PrivateFile(directory.resolve(CA_FILE)).read()));
    }

    public void save(Path directory) {
        new NodeKey(key, certificate.getPublicKey()).save(directory);
        new PrivateFile(directory.resolve(CA_FILE)).write(Pem.of(ca));
        new PrivateFile(directory.resolve(CERTIFICATE_FILE)).write(Pem.of(certificate));
    }

    /** From what a joining node is handed: its certificate and the CA's, both PEM. */
    public static NodeCredentials of(NodeKey key, String certificatePem, String caPem) {
        return new NodeCredentials(key.privateKey(), Pem.certificate(certificatePem), Pem.certificate(caPem));
    }

    /** These with another certificate of the same CA for the same key. @throws TrustException where it is not one */
    public NodeCredentials renewed(String certificatePem) {
        return new NodeCredentials(key, Pem.certificate(certificatePem), ca);
    }

    /** Signs what this node says of itself. */
    public NodeSigner signer() {
        return new NodeSigner(new NodeKey(key, certificate.getPublicKey()));
    }

    /** A request (PKCS#10, DER) to renew the certificate. */
    public byte[] certificateRequest() {
        return new NodeKey(key, certificate.getPublicKey()).certificateRequest();
    }

    /** Who {@code certificate} speaks for, if {@code ca} issued it and it is valid at {@code now}. */
    public static PeerIdentity peer(X509Certificate certificate, X509Certificate ca, Instant now) {
        PeerIdentity identity = NodeCertificate.read(certificate, ca);
        if (now.isAfter(identity.validUntil())) {
            throw TrustException.notValidNow("the certificate of node " + identity.id() + " expired at " + identity.validUntil() + ", it is " + now + " here");
        }
        if (now.isBefore(certificate.getNotBefore().toInstant())) {
            throw TrustException.notValidNow("the certificate of node " + identity.id() + " is valid from " + certificate.getNotBefore().toInstant()
                    + ", it is " + now + " here");
        }
        return identity;
    }

    /** As {@link #peer(X509Certificate, X509Certificate, Instant)}, now by this machine's clock. */
    public static PeerIdentity peer(X509Certificate certificate, X509Certificate ca) {
        return peer(certificate, ca, Instant.now());
    }

    public PeerIdentity identity() {
        return NodeCertificate.read(certificate, ca);
    }

    public NodeId nodeId() {
        return identity().id();
    }

    public Role role() {
        return identity().role();
    }

    public String clusterId() {
        return identity().clusterId();
    }

    @Override
    public String toString() {
        return "NodeCredentials[" + identity() + "]"; // never the key
    }
}
