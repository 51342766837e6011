package dev.starling.gossip.trust;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Objects;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCSException;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequest;

/**
 * The cluster's certificate authority: a self-signed CA whose key every manager holds (there is no quorum of them, and losing all
 * but one manager must not end the cluster).
 *
 * <p>Certificates begin in 1970: machines without a battery-backed clock boot there and must still get in. They end after 20 years
 * (CA) or 90 days (node).
 */
public final class ClusterAuthority {
    public static final Duration CA_LIFE = Duration.ofDays(20 * 365);
    public static final Duration NODE_LIFE = Duration.ofDays(90);

    /** The least that operators may choose for a node's, as in Docker: below, renewals would follow each other. */
    public static final Duration SHORTEST_NODE_LIFE = Duration.ofHours(1);

    private static final Date NOT_BEFORE = Date.from(Instant.EPOCH);
    private static final int MAX_REQUEST_BYTES = 16 * 1024;

    private final PrivateKey key;
    private final X509Certificate certificate;
    private final String clusterId;
    private final SecureRandom random = new SecureRandom();

    private ClusterAuthority(PrivateKey key, X509Certificate certificate, String clusterId) {
        this.key = Objects.requireNonNull(key, "key");
        this.certificate = Objects.requireNonNull(certificate, "certificate");
        this.clusterId = Objects.requireNonNull(clusterId, "clusterId");
        if (!EllipticKeys.match(key, certificate.getPublicKey())) {
            throw TrustException.refused("the CA key and the CA certificate do not belong together");
        }
    }

    /** A new cluster's authority. */
    public static ClusterAuthority create(String clusterId) {
        if (!clusterId.matches("[A-Za-z0-9._-]{1,64}")) { // it becomes part of a distinguished name
            throw TrustException.refused("cluster id '" + clusterId + "' must be 1 to 64 letters, digits, '.', '_' or '-'");
        }
        KeyPair pair = EllipticKeys.generate();
        X500Principal name = new X500Principal("CN=swarm-ca, O=" + clusterId);
        try {
            JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
            X509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(name, serial(new SecureRandom()), NOT_BEFORE,
                    Date.from(Instant.now().plus(CA_LIFE)), name, pair.getPublic())
                    .addExtension(Extension.basicConstraints, true, new BasicConstraints(0))
                    .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign))
                    .addExtension(Extension.subjectKeyIdentifier, false, extensions.createSubjectKeyIdentifier(pair.getPublic()));
            return new ClusterAuthority(pair.getPrivate(), sign(builder, pair.getPrivate()), clusterId);
        } catch (CertIOException | GeneralSecurityException e) {
            throw TrustException.refused("cannot make a cluster CA", e);
        }
    }

    /** From what {@link #keyPem} and {@link #certificatePem} gave. */
    public static ClusterAuthority of(String keyPem, String certificatePem) {
        X509Certificate certificate = Pem.certificate(certificatePem);
        return of(Pem.privateKey(keyPem), certificate, NodeCertificate.only(certificate.getSubjectX500Principal(), "O"));
    }

    static ClusterAuthority of(PrivateKey key, X509Certificate certificate, String clusterId) {
        return new ClusterAuthority(key, certificate, clusterId);
    }

    /**
     * An operator's own root as that of cluster {@code clusterId}: {@code docker swarm ca --rotate --ca-cert --ca-key}.
     *
     * @throws TrustException where it is no self-signed CA certificate over a P-256 key, or the key is another one
     */
    public static ClusterAuthority adopt(String keyPem, String certificatePem, String clusterId) {
        X509Certificate certificate = Pem.certificate(certificatePem);
        EllipticKeys.canonical(certificate.getPublicKey());
        if (certificate.getBasicConstraints() < 0) {
            throw TrustException.refused("the certificate '" + certificate.getSubjectX500Principal() + "' is not one of a CA");
        }
        if (new ClusterRoots(clusterId, List.of(certificate), List.of(), List.of()).issuerOf(certificate) == null) {
            throw TrustException.refused("the certificate '" + certificate.getSubjectX500Principal() + "' is not self-signed");
        }
        return of(Pem.anyPrivateKey(keyPem), certificate, clusterId);
    }

    /**
     * The key of {@code newer}, a root of the same cluster, certified by this one: who trusts this root can follow the chain to what the other
     * issues, as long as this root is trusted.
     */
    public X509Certificate crossSign(X509Certificate newer) {
        try {
            JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
            return sign(new JcaX509v3CertificateBuilder(certificate.getSubjectX500Principal(), serial(random), NOT_BEFORE,
                    newer.getNotAfter(), newer.getSubjectX500Principal(), newer.getPublicKey())
                    .addExtension(Extension.basicConstraints, true, new BasicConstraints(0))
                    .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign))
                    .addExtension(Extension.authorityKeyIdentifier, false, extensions.createAuthorityKeyIdentifier(certificate.getPublicKey()))
                    .addExtension(Extension.subjectKeyIdentifier, false, extensions.createSubjectKeyIdentifier(newer.getPublicKey())), key);
        } catch (CertIOException | GeneralSecurityException e) {
            throw TrustException.refused("cannot cross-sign '" + newer.getSubjectX500Principal() + "'", e);
        }
    }

    /**
     * A certificate for the key in {@code request} (PKCS#10, DER), 90 days from now. Nothing else in the request counts.
     *
     * @throws TrustException where the request is not signed by its own key, or the key is not P-256
     */
    public X509Certificate issue(byte[] request, Role role) {
        return issue(request, role, Instant.now().plus(NODE_LIFE));
    }

    /** As {@link #issue(byte[], Role)} with another end. */
    public X509Certificate issue(byte[] request, Role role, Instant notAfter) {
        return issue(request, role, 0, notAfter);
    }

    /** @param roleGeneration of the node's document, from which the role comes; 0: there is none yet */
    public X509Certificate issue(byte[] request, Role role, long roleGeneration, Instant notAfter) {
        PublicKey nodeKey = requestedKey(request);
        NodeId id = NodeKey.nodeIdOf(nodeKey);
        X500Principal subject = new X500Principal("CN=" + id + ", OU=" + NodeCertificate.organizationalUnit(role) + ", O=" + clusterId());
        try {
            JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
            X509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(certificate.getSubjectX500Principal(), serial(random), NOT_BEFORE,
                    Date.from(notAfter), subject, nodeKey)
                    .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
                    .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature | KeyUsage.keyEncipherment))
                    .addExtension(Extension.extendedKeyUsage, false,
                            new ExtendedKeyUsage(new KeyPurposeId[] {KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth}))
                    .addExtension(Extension.subjectAlternativeName, false, new GeneralNames(new GeneralName(GeneralName.dNSName, id.value())))
                    .addExtension(Extension.authorityKeyIdentifier, false, extensions.createAuthorityKeyIdentifier(certificate.getPublicKey()))
                    .addExtension(Extension.subjectKeyIdentifier, false, extensions.createSubjectKeyIdentifier(nodeKey));
            if (roleGeneration > 0) {
                builder.addExtension(new ASN1ObjectIdentifier(NodeCertificate.ROLE_GENERATION), false, new ASN1Integer(roleGeneration));
            }
            return sign(builder, key);
        } catch (CertIOException | GeneralSecurityException e) {
            throw TrustException.refused("cannot issue a certificate for node " + id, e);
        }
    }

    /** Credentials for a node whose key is at hand: the first node, and tests. */
    public NodeCredentials enrol(NodeKey nodeKey, Role role) {
        return new NodeCredentials(nodeKey.privateKey(), issue(nodeKey.certificateRequest(), role),
                new ClusterRoots(clusterId, List.of(certificate), List.of(), List.of()));
    }

    public X509Certificate certificate() {
        return certificate;
    }

    public String clusterId() {
        return clusterId;
    }

    /** SHA-256 of the CA certificate in base 36, 50 characters: what a join token pins. */
    public String digest() {
        return digest(certificate);
    }

    public static String digest(X509Certificate ca) {
        return Digest36.full256(Pem.der(ca));
    }

    public String certificatePem() {
        return Pem.of(certificate);
    }

    /** From PEM text. */
    public static X509Certificate certificate(String pem) {
        return Pem.certificate(pem);
    }

    /** A node or CA certificate as PEM text. */
    public static String pem(X509Certificate certificate) {
        return Pem.of(certificate);
    }

    /** The CA's private key, PKCS#8: for managers only. */
    public String keyPem() {
        return Pem.of(key);
    }

    @Override
    public String toString() {
        return "ClusterAuthority[" + clusterId() + "]"; // never the key
    }

    private static PublicKey requestedKey(byte[] request) {
        if (request.length > MAX_REQUEST_BYTES) {
            throw TrustException.refused("certificate request of " + request.length + " bytes, at most " + MAX_REQUEST_BYTES + " are read");
        }
        try {
            JcaPKCS10CertificationRequest parsed = new JcaPKCS10CertificationRequest(request);
            PublicKey asked = EllipticKeys.canonical(parsed.getPublicKey());
            if (!parsed.isSignatureValid(new JcaContentVerifierProviderBuilder().build(asked))) {
                throw TrustException.refused("the certificate request is not signed by the key that it names");
            }
            return asked;
        } catch (IOException | GeneralSecurityException | OperatorCreationException | PKCSException | IllegalArgumentException e) {
            throw TrustException.refused("not a certificate request", e);
        }
    }

    private static X509Certificate sign(X509v3CertificateBuilder builder, PrivateKey by) {
        try {
            return Pem.certificate(builder.build(new JcaContentSignerBuilder(EllipticKeys.SIGNATURE).build(by)).getEncoded());
        } catch (OperatorCreationException | IOException e) {
            throw TrustException.refused("cannot sign a certificate", e);
        }
    }

    /** Random, so that no two managers need to agree on the next one; positive and at most 20 octets (RFC 5280, 4.1.2.2). */
    private static BigInteger serial(SecureRandom random) {
        return new BigInteger(126, random).setBit(126);
    }
}
