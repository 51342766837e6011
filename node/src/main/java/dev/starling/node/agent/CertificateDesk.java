package dev.starling.node.agent;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.gossip.trust.TrustException;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.NodeSpecReader;
import java.security.cert.X509Certificate;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a manager renews certificates, its own and those of nodes that ask. Who asks is known from its connection; what it gets is what its
 * NODE document says: nothing without one (it was removed), the CA's key and the data key for a manager only.
 */
final class CertificateDesk {
    private static final Logger LOG = LoggerFactory.getLogger(CertificateDesk.class);

    private final ClusterAuthority authority;
    private final SealingKey dataKey;
    private final Supplier<ClusterSnapshot> snapshot;
    private final LongAdder refused = new LongAdder();

    CertificateDesk(ClusterAuthority authority, SealingKey dataKey, Supplier<ClusterSnapshot> snapshot) {
        this.authority = authority;
        this.dataKey = dataKey;
        this.snapshot = snapshot;
    }

    /**
     * @param request PKCS#10, DER
     * @throws IllegalStateException with the reason of a refusal, for the node that asked
     */
    IssuedCertificate issue(PeerIdentity from, byte[] request) {
        try {
            Role role = roleOf(from);
            X509Certificate certificate = authority.issue(request, role);
            NodeId asked = NodeCredentials.peer(certificate, authority.certificate()).id();
            if (!asked.equals(from.id())) {
                throw new IllegalStateException("node " + from.id() + " asked for a certificate of node " + asked);
            }
            if (role != from.role()) {
                LOG.info("node {} becomes {}", from.id(), role);
            }
            boolean manager = role == Role.MANAGER;
            return new IssuedCertificate(ClusterAuthority.pem(certificate), manager ? authority.keyPem() : null,
                    manager && dataKey != null ? dataKey.pem() : null);
        } catch (IllegalStateException | TrustException e) {
            refused.increment();
            LOG.warn("the certificate of node {} was not renewed: {}", from.id(), e.getMessage());
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    /** What the document leaves open stays as it is. */
    private Role roleOf(PeerIdentity from) {
        Document enrolled = snapshot.get().document(Kind.NODE, from.id().value());
        if (enrolled == null) {
            throw new IllegalStateException("node " + from.id() + " is not enrolled: it was removed from the cluster, or this manager has not "
                    + "heard of it yet");
        }
        Role role = NodeSpecReader.fromBody(enrolled).role();
        return role == null ? from.role() : role;
    }

    long refusals() {
        return refused.sum();
    }
}
