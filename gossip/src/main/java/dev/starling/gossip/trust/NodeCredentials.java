package dev.starling.gossip.trust;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What a node shows to others and checks them with: its key, its certificate and the cluster's roots. Checked when made, so that one
 * that exists is consistent. Renewal makes a new one over the same key, a rotation of the CA one with other roots.
 *
 * <p>On disk beside the key of {@link NodeKey}: {@code ca.crt} (the roots, oldest first) and {@code node.crt}, PEM, 0600. The certificate is
 * written last: where it is there, the rest is.
 */
public record NodeCredentials(PrivateKey key, X509Certificate certificate, ClusterRoots roots) {
    private static final String CERTIFICATE_FILE = "node.crt";
    private static final String CA_FILE = "ca.crt";

    /** @throws TrustException where the three do not belong together */
    public NodeCredentials {
        Objects.requireNonNull(key, "key");
        roots.identify(certificate, List.of());
        if (!EllipticKeys.match(key, certificate.getPublicKey())) {
            throw TrustException.refused("the certificate of node " + NodeKey.nodeIdOf(certificate.getPublicKey()) + " is not for this key");
        }
    }

    /** In a cluster with one root. */
    public NodeCredentials(PrivateKey key, X509Certificate certificate, X509Certificate ca) {
        this(key, certificate, ClusterRoots.only(ca));
    }

    public static boolean exist(Path directory) {
        return new PrivateFile(directory.resolve(CERTIFICATE_FILE)).exists();
    }

    /** @throws TrustException where a file is missing, unreadable or does not fit the others */
    public static NodeCredentials load(Path directory) {
        return load(directory, KeyVault.at(directory));
    }

    /** As {@link #load(Path)}, the private key from {@code vault}. */
    public static NodeCredentials load(Path directory, KeyVault vault) {
        NodeKey key = NodeKey.load(directory, vault);
        X509Certificate certificate = Pem.certificate(new PrivateFile(directory.resolve(CERTIFICATE_FILE)).read());
        return new NodeCredentials(key.privateKey(), certificate,
                ClusterRoots.parse(clusterIdOf(certificate), new PrivateFile(directory.resolve(CA_FILE)).read()));
    }

    public void save(Path directory) {
        save(directory, KeyVault.at(directory));
    }

    /** As {@link #save(Path)}, the private key into {@code vault}. */
    public void save(Path directory, KeyVault vault) {
        new NodeKey(key, certificate.getPublicKey()).save(directory, vault);
        saveRoots(directory);
        new PrivateFile(directory.resolve(CERTIFICATE_FILE)).write(Pem.of(certificate));
    }

    /** Only whom this node trusts has changed. */
    public void saveRoots(Path directory) {
        new PrivateFile(directory.resolve(CA_FILE)).write(roots.pem());
    }

    /** From what a joining node is handed: its certificate and the cluster's roots, all PEM. */
    public static NodeCredentials of(NodeKey key, String certificatePem, String rootsPem) {
        X509Certificate certificate = Pem.certificate(certificatePem);
        return new NodeCredentials(key.privateKey(), certificate, ClusterRoots.parse(clusterIdOf(certificate), rootsPem));
    }

    /** As {@link #of(NodeKey, String, String)}, with the roots that were retired. */
    public static NodeCredentials of(NodeKey key, String certificatePem, String rootsPem, List<RetiredRoot> retired) {
        NodeCredentials plain = of(key, certificatePem, rootsPem);
        return plain.trusting(new ClusterRoots(plain.clusterId(), plain.roots.trusted(), plain.roots.crossSigned(), retired));
    }

    private static String clusterIdOf(X509Certificate certificate) {
        return NodeCertificate.only(certificate.getSubjectX500Principal(), "O");
    }

    /** These with another certificate of the same cluster for the same key. @throws TrustException where it is not one */
    public NodeCredentials renewed(String certificatePem) {
        return new NodeCredentials(key, Pem.certificate(certificatePem), roots);
    }

    /** These with other roots; the one that this node's own certificate is of stays among them until it has another certificate. */
    public NodeCredentials trusting(ClusterRoots others) {
        return new NodeCredentials(key, certificate, others.issuerOf(certificate) == null ? others.including(ca()) : others);
    }

    /**
     * Whose key {@code certificate} holds: says nothing of who issued it or when it ended. For a peer that has shown in a handshake that it has
     * that key.
     *
     * @throws TrustException where it is not laid out as a node's of {@code clusterId}
     */
    public static NodeId ownerOf(X509Certificate certificate, String clusterId) {
        NodeId owner = NodeKey.nodeIdOf(certificate.getPublicKey());
        if (!clusterIdOf(certificate).equals(clusterId)) {
            throw TrustException.refused("the certificate is for cluster " + clusterIdOf(certificate));
        }
        return owner;
    }

    /** The root that the certificate is of. */
    public X509Certificate ca() {
        return roots.issuerOf(certificate);
    }

    /** What peers are shown: the certificate, and its root cross-signed by older ones while a rotation is under way. */
    public List<X509Certificate> chain() {
        List<X509Certificate> chain = new ArrayList<>(List.of(certificate));
        chain.addAll(roots.crossSignedFor(certificate));
        return chain;
    }

    /** {@link #chain} as it stands beside a signature: the encodings, one after the other. */
    byte[] chainDer() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        chain().forEach(certificate -> bytes.writeBytes(Pem.der(certificate)));
        return bytes.toByteArray();
    }

    /** Signs what this node says of itself. */
    public NodeSigner signer() {
        return new NodeSigner(new NodeKey(key, certificate.getPublicKey()));
    }

    /** A request (PKCS#10, DER) to renew the certificate. */
    public byte[] certificateRequest() {
        return new NodeKey(key, certificate.getPublicKey()).certificateRequest();
    }

    /** Who {@code chain} speaks for, if it leads to one of {@code roots} and its first certificate is valid at {@code now}. */
    public static PeerIdentity peer(List<X509Certificate> chain, ClusterRoots roots, Instant now) {
        PeerIdentity identity = roots.identify(chain);
        X509Certificate certificate = chain.get(0);
        if (now.isAfter(identity.validUntil())) {
            throw TrustException.notValidNow("the certificate of node " + identity.id() + " expired at " + identity.validUntil() + ", it is " + now + " here");
        }
        if (now.isBefore(certificate.getNotBefore().toInstant())) {
            throw TrustException.notValidNow("the certificate of node " + identity.id() + " is valid from " + certificate.getNotBefore().toInstant()
                    + ", it is " + now + " here");
        }
        return identity;
    }

    /** As {@link #peer(List, ClusterRoots, Instant)} in a cluster with one root. */
    public static PeerIdentity peer(X509Certificate certificate, X509Certificate ca, Instant now) {
        return peer(List.of(certificate), ClusterRoots.only(ca), now);
    }

    /** As {@link #peer(X509Certificate, X509Certificate, Instant)}, now by this machine's clock. */
    public static PeerIdentity peer(X509Certificate certificate, X509Certificate ca) {
        return peer(certificate, ca, Instant.now());
    }

    public PeerIdentity identity() {
        return roots.identify(certificate, List.of());
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
