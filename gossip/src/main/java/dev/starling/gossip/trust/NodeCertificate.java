package dev.starling.gossip.trust;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Set;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;

/**
 * The one reading of a node certificate, for TLS peers and for signatures alike. Laid out as Docker does: CN is the node id, OU the
 * role, O the cluster id; signed by a CA of the cluster ({@link ClusterRoots} finds which). The node id must be the digest of the
 * certificate's own key, so even a careless authority cannot give one node the name of another.
 *
 * <p>Says nothing of time: a TLS peer's certificate must be valid now, a signature's at the time of the signed write.
 */
final class NodeCertificate {
    private static final Set<String> USAGES = Set.of("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"); // serverAuth, clientAuth

    /** Extension, not critical: the generation of the NODE document from which the role comes, an INTEGER. From a random UUID (X.667). */
    static final String ROLE_GENERATION = "2.25.49801038912913903424950553400944610545";

    private NodeCertificate() {}

    /** @throws TrustException with the reason where {@code certificate} is not a node certificate of {@code cluster}, signed by {@code ca} */
    static PeerIdentity read(X509Certificate certificate, X509Certificate ca, String cluster) {
        if (!certificate.getIssuerX500Principal().equals(ca.getSubjectX500Principal())) {
            throw TrustException.refused("the certificate was issued by '" + certificate.getIssuerX500Principal() + "', this cluster's CA is '"
                    + ca.getSubjectX500Principal() + "'");
        }
        try {
            certificate.verify(ca.getPublicKey());
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("the certificate is not signed by this cluster's CA", e);
        }
        requireNodeUsage(certificate);
        NodeId id = new NodeId(only(certificate.getSubjectX500Principal(), "CN"));
        NodeId ofKey = NodeKey.nodeIdOf(certificate.getPublicKey());
        if (!id.equals(ofKey)) {
            throw TrustException.refused("the certificate names node " + id + ", its key is that of node " + ofKey);
        }
        String clusterId = only(certificate.getSubjectX500Principal(), "O");
        if (!clusterId.equals(cluster)) {
            throw TrustException.refused("the certificate is for cluster " + clusterId);
        }
        return new PeerIdentity(id, role(only(certificate.getSubjectX500Principal(), "OU")), clusterId, certificate.getNotAfter().toInstant());
    }

    /** 0 where it does not say: it is older than the document, or of an earlier release. */
    static long roleGeneration(X509Certificate certificate) {
        byte[] extension = certificate.getExtensionValue(ROLE_GENERATION);
        if (extension == null) {
            return 0;
        }
        try {
            return ASN1Integer.getInstance(JcaX509ExtensionUtils.parseExtensionValue(extension)).longValueExact();
        } catch (IOException | IllegalArgumentException | ArithmeticException e) {
            throw TrustException.refused("the certificate's generation of its role cannot be read", e);
        }
    }

    static String organizationalUnit(Role role) {
        return switch (role) {
            case MANAGER -> "swarm-manager";
            case WORKER -> "swarm-worker";
        };
    }

    /** The value of {@code attribute}, which must be there exactly once. */
    static String only(X500Principal name, String attribute) {
        try {
            List<String> values = new LdapName(name.getName(X500Principal.RFC2253)).getRdns().stream()
                    .filter(rdn -> rdn.getType().equalsIgnoreCase(attribute)).map(Rdn::getValue).map(String::valueOf).toList();
            if (values.size() != 1 || values.get(0).isEmpty()) {
                throw TrustException.refused("the name '" + name + "' has " + values.size() + " values of " + attribute + ", expected one");
            }
            return values.get(0);
        } catch (InvalidNameException e) {
            throw TrustException.refused("the name '" + name + "' cannot be read", e);
        }
    }

    private static Role role(String organizationalUnit) {
        for (Role role : Role.values()) {
            if (organizationalUnit(role).equals(organizationalUnit)) {
                return role;
            }
        }
        throw TrustException.refused("the certificate has the unknown role '" + organizationalUnit + "'");
    }

    private static void requireNodeUsage(X509Certificate certificate) {
        try {
            List<String> usages = certificate.getExtendedKeyUsage();
            if (certificate.getBasicConstraints() >= 0 || usages == null || !usages.containsAll(USAGES)
                    || certificate.hasUnsupportedCriticalExtension()) {
                throw TrustException.refused("the certificate is not one for a node (usages " + usages + ")");
            }
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("the certificate's usages cannot be read", e);
        }
    }
}
