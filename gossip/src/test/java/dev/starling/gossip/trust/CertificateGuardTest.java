package dev.starling.gossip.trust;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class CertificateGuardTest {
    static final ClusterAuthority CLUSTER = ClusterAuthority.create("k3x9");
    private static final NodeCredentials MANAGER = CLUSTER.enrol(NodeKey.generate(), Role.MANAGER);
    private static final DesiredObject WRITTEN = object(MANAGER.nodeId(), Instant.now());
    static final DesiredObject SIGNED = new DesiredSigner(MANAGER).sign(WRITTEN);

    private final CertificateGuard guard = new CertificateGuard(ClusterRoots.only(CLUSTER.certificate()));

    @Test
    void acceptsWhatAManagerSignedAgainAndAgain() {
        assertNull(guard.refusal(SIGNED));
        assertNull(guard.refusal(SIGNED));
    }

    @Test
    void refusesWhatIsNotSigned() {
        assertEquals("is not signed", guard.refusal(WRITTEN));
    }

    @Test
    void refusesAnyChangedField() {
        Bytes s = SIGNED.signature();
        Bytes c = SIGNED.certificate();
        DesiredObject o = SIGNED;
        HybridTime later = new HybridTime(o.time().packed() + 1);
        List<DesiredObject> altered = List.of(
                new DesiredObject(Kind.SECRET, o.uid(), o.created(), o.generation(), o.time(), o.writer(), o.deleted(), o.body(), s, c),
                new DesiredObject(o.kind(), "other", o.created(), o.generation(), o.time(), o.writer(), o.deleted(), o.body(), s, c),
                new DesiredObject(o.kind(), o.uid(), later, o.generation(), o.time(), o.writer(), o.deleted(), o.body(), s, c),
                new DesiredObject(o.kind(), o.uid(), o.created(), 8, o.time(), o.writer(), o.deleted(), o.body(), s, c),
                new DesiredObject(o.kind(), o.uid(), o.created(), o.generation(), later, o.writer(), o.deleted(), o.body(), s, c),
                new DesiredObject(o.kind(), o.uid(), o.created(), o.generation(), o.time(), o.writer(), true, o.body(), s, c),
                new DesiredObject(o.kind(), o.uid(), o.created(), o.generation(), o.time(), o.writer(), o.deleted(), Bytes.utf8("{}"), s, c));
        for (DesiredObject each : altered) {
            assertEquals("has a signature that does not fit its content", guard.refusal(each), each.toString());
        }
    }

    @Test
    void refusesAWriterThatIsNotTheSigner() {
        NodeId other = NodeKey.generate().nodeId();
        DesiredObject o = SIGNED;
        String refusal = guard.refusal(new DesiredObject(o.kind(), o.uid(), o.created(), o.generation(), o.time(), other, o.deleted(), o.body(), o.signature(), o.certificate()));
        assertTrue(refusal.contains("names node " + other + " as its writer"), refusal);
        assertThrows(TrustException.class, () -> new DesiredSigner(MANAGER).sign(object(other, Instant.now())));
    }

    @Test
    void refusesWorkersAndOtherClusters() {
        NodeCredentials worker = CLUSTER.enrol(NodeKey.generate(), Role.WORKER);
        assertTrue(guard.refusal(new DesiredSigner(worker).sign(object(worker.nodeId(), Instant.now()))).contains("which is no manager"));
        NodeCredentials stranger = ClusterAuthority.create("k3x9").enrol(NodeKey.generate(), Role.MANAGER);
        assertTrue(guard.refusal(new DesiredSigner(stranger).sign(object(stranger.nodeId(), Instant.now()))).contains("not signed by this cluster's CA"));
    }

    @Test
    void aWriteOutlivesItsWritersCertificateButIsNotMadeAfterIt() {
        NodeKey key = NodeKey.generate();
        X509Certificate ended = CLUSTER.issue(key.certificateRequest(), Role.MANAGER, Instant.now().minus(Duration.ofDays(300)));
        NodeCredentials credentials = new NodeCredentials(key.privateKey(), ended, CLUSTER.certificate());
        DesiredSigner signer = new DesiredSigner(credentials);
        assertNull(guard.refusal(signer.sign(object(key.nodeId(), Instant.now().minus(Duration.ofDays(301))))));
        assertTrue(guard.refusal(signer.sign(object(key.nodeId(), Instant.now()))).contains("was written after the certificate"));
    }

    @Test
    void aCertificateSaysByWhichDocumentItsNodeIsAManager() {
        NodeKey key = NodeKey.generate();
        X509Certificate promoted = CLUSTER.issue(key.certificateRequest(), Role.MANAGER, 9, Instant.now().plus(Duration.ofDays(1)));
        DesiredObject written = new DesiredSigner(new NodeCredentials(key.privateKey(), promoted, CLUSTER.certificate())).sign(object(key.nodeId(), Instant.now()));
        assertNull(guard.refusal(written));
        assertEquals(9, guard.roleGeneration(written));
        assertEquals(0, guard.roleGeneration(SIGNED), "as one of an earlier release");
    }

    @Test
    void oversizeIsRefusedBeforeItIsParsed() {
        DesiredObject o = SIGNED;
        String refusal = guard.refusal(new DesiredObject(o.kind(), o.uid(), o.created(), o.generation(), o.time(), o.writer(), o.deleted(), o.body(),
                o.signature(), Bytes.wrap(new byte[1 << 20])));
        assertTrue(refusal.endsWith("too large"), refusal);
    }

    static DesiredObject object(NodeId writer, Instant at) {
        HybridTime time = HybridTime.of(at.toEpochMilli(), 0);
        return new DesiredObject(Kind.SERVICE, "q7yfkzw4kbzx1wkk0bx0d8yni", time, 7, time, writer, false, Bytes.utf8("{\"Name\":\"web\"}"), Bytes.EMPTY, Bytes.EMPTY);
    }
}
