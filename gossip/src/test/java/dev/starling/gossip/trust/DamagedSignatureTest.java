package dev.starling.gossip.trust;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.desired.DesiredObject;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class DamagedSignatureTest {
    private final CertificateGuard guard = new CertificateGuard(ClusterRoots.only(CertificateGuardTest.CLUSTER.certificate()));

    @Property(tries = 200)
    void survivesDamagedCertificatesAndSignatures(@ForAll @IntRange(min = 0, max = 4000) int position, @ForAll byte value, @ForAll boolean inCertificate) {
        byte[] certificate = CertificateGuardTest.SIGNED.certificate().toArray();
        byte[] signature = CertificateGuardTest.SIGNED.signature().toArray();
        byte[] target = inCertificate ? certificate : signature;
        int at = position % target.length;
        boolean same = target[at] == value;
        target[at] = value;
        DesiredObject o = CertificateGuardTest.SIGNED;
        String refusal = guard.refusal(new DesiredObject(o.kind(), o.uid(), o.created(), o.generation(), o.time(), o.writer(), o.deleted(), o.body(),
                Bytes.wrap(signature), Bytes.wrap(certificate)));
        if (same) {
            assertNull(refusal);
        } else {
            assertNotNull(refusal, "byte " + at + " of the " + (inCertificate ? "certificate" : "signature") + " set to " + value);
        }
    }
}
