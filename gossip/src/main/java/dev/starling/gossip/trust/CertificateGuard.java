package dev.starling.gossip.trust;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredGuard;
import dev.starling.gossip.desired.DesiredObject;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Lets into the desired state only what a manager of this cluster signed.
 *
 * <p>The verdict depends on the object and the CA alone, not on this machine's clock: nodes that disagree on what is accepted would
 * never converge, and a write must outlive the 90 days of its writer's certificate. So the certificate must have been valid at the
 * time the object itself states.
 *
 * <p>A rotation of the CA changes the verdict, once it is known: what was signed under a root that was retired since is accepted from those who
 * had written under it, dated before ({@link RetiredRoot}).
 *
 * <p>Verified certificates are remembered by their bytes (there are few managers and many objects); safe for use by several threads.
 */
public final class CertificateGuard implements DesiredGuard {
    private static final int REMEMBERED_CERTIFICATES = 256;
    private static final int MAX_CERTIFICATE_BYTES = 4096;
    private static final int MAX_SIGNATURE_BYTES = 80; // two 256-bit integers in DER take at most 72

    private ClusterRoots roots;
    private final Map<Bytes, Writer> verified = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Bytes, Writer> eldest) {
            return size() > REMEMBERED_CERTIFICATES;
        }
    };

    public CertificateGuard(ClusterRoots roots) {
        this.roots = Objects.requireNonNull(roots, "roots");
    }

    /** From now on {@code changed} count: one root came, or was retired. */
    public synchronized void trust(ClusterRoots changed) {
        roots = Objects.requireNonNull(changed, "changed");
        verified.clear();
    }

    @Override
    public String refusal(DesiredObject object) {
        if (object.certificate().isEmpty() || object.signature().isEmpty()) {
            return "is not signed";
        }
        if (object.certificate().size() > MAX_CERTIFICATE_BYTES || object.signature().size() > MAX_SIGNATURE_BYTES) {
            return "has a certificate of " + object.certificate().size() + " and a signature of " + object.signature().size() + " bytes: too large";
        }
        try {
            return refusal(object, writerOf(object.certificate()));
        } catch (TrustException e) {
            return e.getMessage();
        }
    }

    /** Of an object that is not refused: the generation of the document that made its writer a manager; 0 where its certificate does not say. */
    public long roleGeneration(DesiredObject object) {
        return writerOf(object.certificate()).roleGeneration;
    }

    private static String refusal(DesiredObject object, Writer writer) {
        if (writer.role != Role.MANAGER) {
            return "was signed by node " + writer.id + ", which is no manager";
        }
        if (!writer.id.equals(object.writer())) {
            return "names node " + object.writer() + " as its writer, but was signed by node " + writer.id;
        }
        if (Instant.ofEpochMilli(object.time().wallMillis()).isAfter(writer.validUntil)) {
            return "was written after the certificate of node " + writer.id + " ended at " + writer.validUntil;
        }
        if (writer.until != null && Instant.ofEpochMilli(object.time().wallMillis()).isAfter(writer.until)) {
            return "was written under a root that was retired at " + writer.until;
        }
        if (!EllipticKeys.verifies(writer.key, object.signedBytes(), object.signature().array())) {
            return "has a signature that does not fit its content";
        }
        return null;
    }

    private synchronized Writer writerOf(Bytes der) {
        Writer known = verified.get(der);
        if (known != null) {
            return known;
        }
        List<X509Certificate> chain = Pem.certificateSequence(der.toArray());
        Writer writer = writerOf(chain);
        verified.put(der, writer);
        return writer;
    }

    private Writer writerOf(List<X509Certificate> chain) {
        X509Certificate certificate = chain.get(0);
        PeerIdentity identity;
        Instant until = null;
        try {
            identity = roots.identify(chain);
        } catch (TrustException unknown) {
            RetiredRoot retired = roots.retiredIssuer(certificate, NodeKey.nodeIdOf(certificate.getPublicKey()));
            if (retired == null) {
                throw unknown;
            }
            identity = NodeCertificate.read(certificate, retired.certificate(), roots.clusterId());
            until = retired.until();
        }
        return new Writer(identity.id(), identity.role(), certificate.getPublicKey(), NodeCertificate.roleGeneration(certificate), identity.validUntil(), until);
    }

    /** @param until for one under a retired root: when that was retired; else null */
    private record Writer(NodeId id, Role role, PublicKey key, long roleGeneration, Instant validUntil, Instant until) {}
}
