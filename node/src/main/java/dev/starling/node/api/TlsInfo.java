package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.node.core.CertificateReport;
import java.security.cert.X509Certificate;

/**
 * {@code TLSInfo}: which CA is trusted and which issues. While it is rotated the two differ, and {@code docker swarm ca --rotate} counts the nodes
 * that have arrived at what the cluster shows.
 */
final class TlsInfo {
    static ObjectNode ofCluster(ClusterRoots roots) {
        return of(roots.oldest(), roots.newest());
    }

    /** @param report null where the node has not said anything yet */
    static ObjectNode ofNode(ClusterRoots roots, CertificateReport report) {
        X509Certificate trusted = report == null ? null : roots.withDigest(report.oldest());
        X509Certificate issuer = report == null ? null : roots.withDigest(report.issuer());
        return of(trusted == null ? roots.oldest() : trusted, issuer == null ? roots.oldest() : issuer);
    }

    private static ObjectNode of(X509Certificate trusted, X509Certificate issuer) {
        return Json.object().put("TrustRoot", ClusterAuthority.pem(trusted))
                .put("CertIssuerSubject", issuer.getSubjectX500Principal().getEncoded())
                .put("CertIssuerPublicKey", issuer.getPublicKey().getEncoded());
    }

    private TlsInfo() {}
}
