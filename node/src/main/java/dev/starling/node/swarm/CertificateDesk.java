package dev.starling.node.swarm;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.gossip.trust.TrustException;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.NodeSpecReader;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a manager renews certificates, its own and those of nodes that ask. Who asks is known from its connection: by its certificate among the
 * nodes, by its key alone at the join port, where one whose certificate has ended finds back. What it gets is what its NODE document says:
 * nothing without one (it was removed); the CA's keys, the data key and the unlock key for a manager only.
 */
public final class CertificateDesk {
    private static final Logger LOG = LoggerFactory.getLogger(CertificateDesk.class);

    /** What the desk issues from, as it stands now. */
    interface Cluster {
        ClusterRoots roots();

        ClusterAuthorities authorities();

        /** What secrets are sealed with; null where this manager was never given it. */
        SealingKey dataKey();

        /** Null where there is none. */
        UnlockKey unlockKey();

        ClusterSnapshot snapshot();

        TrustClock clock();
    }

    private final Cluster cluster;
    private final LongAdder refused = new LongAdder();

    public CertificateDesk(Cluster cluster) {
        this.cluster = cluster;
    }

    /**
     * @param request a {@link CertificateRequest}, encoded
     * @throws IllegalStateException with the reason of a refusal, for the node that asked
     */
    public IssuedCertificate issue(PeerIdentity from, byte[] request) {
        return answer(from.id(), from.role(), request);
    }

    /** For who has shown to have the key of {@code shown}; that certificate may have ended, or be of a root that was retired. */
    public IssuedCertificate issueToOwner(X509Certificate shown, byte[] request) {
        NodeId owner = NodeCredentials.ownerOf(shown, cluster.roots().clusterId());
        IssuedCertificate issued = answer(owner, Role.WORKER, request);
        LOG.info("node {} renewed its certificate at the join port", owner);
        return issued;
    }

    private IssuedCertificate answer(NodeId from, Role had, byte[] request) {
        try {
            CertificateRequest asked = CertificateRequest.decode(request);
            Document enrolled = enrolled(from);
            cluster.clock().confirm(asked.wallClock()); // an enrolled node's, and nobody else's
            return certify(enrolled, from, had, asked.pkcs10().toArray(), cluster.clock().instant());
        } catch (IllegalStateException | TrustException e) {
            throw refusal(from, e);
        }
    }

    /**
     * For this manager itself. Where its clock is in doubt, the certificate lasts for either time.
     *
     * @param pkcs10 DER
     */
    public IssuedCertificate issueOwn(PeerIdentity self, byte[] pkcs10) {
        Instant known = cluster.clock().instant();
        Instant shown = cluster.clock().wallClock();
        try {
            return certify(enrolled(self.id()), self.id(), self.role(), pkcs10, shown.isAfter(known) ? shown : known);
        } catch (IllegalStateException | TrustException e) {
            throw refusal(self.id(), e);
        }
    }

    private IllegalStateException refusal(NodeId from, RuntimeException reason) {
        refused.increment();
        LOG.warn("the certificate of node {} was not renewed: {}", from, reason.getMessage());
        return new IllegalStateException(reason.getMessage(), reason);
    }

    private IssuedCertificate certify(Document enrolled, NodeId from, Role had, byte[] pkcs10, Instant now) {
        Role said = NodeSpecReader.fromBody(enrolled).role();
        Role role = said == null ? had : said; // what the document leaves open stays as it is
        ClusterRoots roots = cluster.roots();
        ClusterAuthority authority = cluster.authorities().of(roots.newest());
        if (authority == null) {
            throw new IllegalStateException("this manager has not got the key of the newest CA yet");
        }
        X509Certificate certificate = authority.issue(pkcs10, role, enrolled.object().generation(), now.plus(certificateLife()));
        NodeId asked = roots.identify(certificate, List.of()).id();
        if (!asked.equals(from)) {
            throw new IllegalStateException("node " + from + " asked for a certificate of node " + asked);
        }
        if (role != had) {
            LOG.info("node {} becomes {}", from, role);
        }
        boolean manager = role == Role.MANAGER;
        UnlockKey unlockKey = cluster.unlockKey();
        SealingKey dataKey = cluster.dataKey();
        return new IssuedCertificate(ClusterAuthority.pem(certificate), roots.pem(), manager ? cluster.authorities().keysPem() : null,
                manager && dataKey != null ? dataKey.pem() : null,
                manager && unlockKey != null ? unlockKey.text() : null, cluster.clock().instant(), cluster.clock().wallClock());
    }

    /** What {@code docker swarm update --cert-expiry} says. */
    public Duration certificateLife() {
        return ClusterDocument.certificateLife(cluster.snapshot());
    }

    private Document enrolled(NodeId from) {
        Document enrolled = cluster.snapshot().document(Kind.NODE, from.value());
        if (enrolled == null) {
            throw new IllegalStateException("node " + from + " is not enrolled: it was removed from the cluster, or this manager has not "
                    + "heard of it yet");
        }
        return enrolled;
    }

    public long refusals() {
        return refused.sum();
    }
}
