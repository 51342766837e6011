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
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who trusts whom before, in and after a rotation of the CA. {@code old} is the cluster's root, {@code next} the one it rotates to. */
class ClusterRootsTest {
    private final ClusterAuthority old = ClusterAuthority.create("k3x9");
    private final ClusterAuthority next = ClusterAuthority.create("k3x9");
    private final X509Certificate cross = old.crossSign(next.certificate());
    private final ClusterRoots before = ClusterRoots.only(old.certificate());
    private final ClusterRoots during = roots(List.of(old, next), List.of(cross), List.of());
    private final ClusterRoots after = roots(List.of(next), List.of(cross), List.of());
    private final NodeKey key = NodeKey.generate();

    private static ClusterRoots roots(List<ClusterAuthority> trusted, List<X509Certificate> crosses, List<RetiredRoot> retired) {
        return new ClusterRoots("k3x9", trusted.stream().map(ClusterAuthority::certificate).toList(), crosses, retired);
    }

    private NodeCredentials under(ClusterAuthority authority, ClusterRoots roots) {
        return new NodeCredentials(key.privateKey(), authority.issue(key.certificateRequest(), Role.MANAGER), roots);
    }

    @Test
    void aNodeThatHasNotHeardOfTheRotationTrustsOneThatHasMoved() {
        NodeCredentials moved = under(next, during);
        assertEquals(2, moved.chain().size());
        assertEquals(key.nodeId(), before.identify(moved.chain()).id());
        TrustException alone = assertThrows(TrustException.class, () -> before.identify(List.of(moved.certificate())));
        assertTrue(alone.getMessage().contains("not signed"), alone.getMessage());
    }

    @Test
    void bothCountUntilTheOldOneIsRetired() {
        assertEquals(key.nodeId(), during.identify(under(old, before).chain()).id());
        assertEquals(key.nodeId(), during.identify(under(next, during).chain()).id());
        assertEquals(key.nodeId(), after.identify(under(next, after).chain()).id());
        assertThrows(TrustException.class, () -> after.identify(under(old, before).chain()));
    }

    @Test
    void whatTheOldRootSignsAfterwardsOpensNothing() {
        ClusterAuthority stolen = ClusterAuthority.create("k3x9");
        List<X509Certificate> forged = List.of(stolen.issue(key.certificateRequest(), Role.MANAGER), old.crossSign(stolen.certificate()));
        assertEquals(key.nodeId(), before.identify(forged).id(), "whoever has the CA's key can do that, as long as it counts");
        assertThrows(TrustException.class, () -> after.identify(forged));
    }

    /** A node's certificate in the place of an intermediate: it may not issue. */
    @Test
    void aNodeIsNoIntermediate() throws Exception {
        NodeCredentials worker = under(old, before);
        NodeKey accomplice = NodeKey.generate();
        X509Certificate leaf = TrustTest.certify(worker.key(), worker.certificate().getSubjectX500Principal(),
                "CN=" + accomplice.nodeId() + ", OU=swarm-manager, O=k3x9", accomplice.publicKey());
        assertThrows(TrustException.class, () -> before.identify(List.of(leaf, worker.certificate())));
    }

    @Test
    void twoPartitionsThatBothRotatedUnderstandEachOther() {
        ClusterAuthority there = ClusterAuthority.create("k3x9");
        ClusterRoots thereDuring = roots(List.of(old, there), List.of(old.crossSign(there.certificate())), List.of());
        assertEquals(key.nodeId(), during.identify(under(there, thereDuring).chain()).id());
        assertEquals(key.nodeId(), thereDuring.identify(under(next, during).chain()).id());
    }

    @Test
    void anotherClusterOfTheSameRootIsAnotherCluster() {
        ClusterAuthority shared = ClusterAuthority.of(Pem.privateKey(old.keyPem()), old.certificate(), "other");
        TrustException refused = assertThrows(TrustException.class,
                () -> before.identify(List.of(shared.issue(key.certificateRequest(), Role.WORKER))));
        assertTrue(refused.getMessage().contains("for cluster other"), refused.getMessage());
    }

    @Test
    void rootsAreLearntFromAnyoneButOnlyWhereAKnownOneCertifiesThem() {
        assertEquals(during.trusted(), before.learn(during).trusted());
        ClusterAuthority stranger = ClusterAuthority.create("k3x9");
        ClusterRoots lie = roots(List.of(stranger, old), List.of(stranger.crossSign(stranger.certificate()), stranger.crossSign(next.certificate())), List.of());
        assertEquals(before.trusted(), before.learn(lie).trusted());
    }

    @Test
    void pemTellsRootsFromTheirCrossSignedForms() {
        ClusterRoots read = ClusterRoots.parse("k3x9", during.pem());
        assertEquals(during, read);
        assertEquals(old.certificate(), read.oldest());
        assertEquals(next.certificate(), read.newest());
        ClusterAuthorities held = ClusterAuthorities.parse(ClusterAuthorities.of(old).with(next).keysPem(), read);
        assertEquals(next.certificate(), held.issuing(read).certificate());
        assertNull(held.within(after).of(old.certificate()));
    }

    private DesiredObject signed(NodeCredentials by, Instant at) {
        HybridTime time = HybridTime.of(at.toEpochMilli(), 0);
        return new DesiredSigner(by).sign(new DesiredObject(Kind.SERVICE, "u", time, 1, time, by.nodeId(), false, Bytes.utf8("{}"), Bytes.EMPTY, Bytes.EMPTY));
    }

    @Test
    void whatWasSignedUnderARetiredRootStaysGood() {
        NodeCredentials writer = under(old, before);
        Instant now = Instant.now();
        RetiredRoot retired = new RetiredRoot(old.certificate(), now.plusSeconds(60), List.of(writer.nodeId()));
        CertificateGuard guard = new CertificateGuard(before);
        DesiredObject object = signed(writer, now);
        assertNull(guard.refusal(object));
        guard.trust(after);
        assertTrue(guard.refusal(object).contains("not signed"), guard.refusal(object));
        guard.trust(roots(List.of(next), List.of(), List.of(retired)));
        assertNull(guard.refusal(object));
        assertTrue(guard.refusal(signed(writer, now.plusSeconds(61))).contains("retired at"), "dated later");
        NodeKey thief = NodeKey.generate(); // has the old root's key, and makes a manager of its own with it
        NodeCredentials forged = new NodeCredentials(thief.privateKey(), old.issue(thief.certificateRequest(), Role.MANAGER), before);
        assertTrue(guard.refusal(signed(forged, now.minusSeconds(60))).contains("not signed"));
    }

    @Test
    void aWriterUnderTheNewRootIsUnderstoodByAGuardThatKnowsTheOldOne() {
        assertNull(new CertificateGuard(before).refusal(signed(under(next, during), Instant.now())));
        assertTrue(new CertificateGuard(before).refusal(signed(under(next, after.learn(after)), Instant.now())) == null, "its chain comes along");
    }

    @Test
    void anOperatorsOwnRootIsAdopted() {
        ClusterAuthority own = ClusterAuthority.create("their-own-name");
        ClusterAuthority adopted = ClusterAuthority.adopt(own.keyPem(), own.certificatePem(), "k3x9");
        ClusterRoots roots = roots(List.of(old, adopted), List.of(old.crossSign(adopted.certificate())), List.of());
        assertEquals("k3x9", roots.identify(under(adopted, roots).chain()).clusterId());
        assertEquals(key.nodeId(), before.identify(under(adopted, roots).chain()).id());
        assertThrows(TrustException.class, () -> ClusterAuthority.adopt(old.keyPem(), own.certificatePem(), "k3x9"));
        String leaf = ClusterAuthority.pem(under(old, before).certificate());
        assertThrows(TrustException.class, () -> ClusterAuthority.adopt(Pem.of(key.privateKey()), leaf, "k3x9"));
    }

    @Test
    void ownersAreKnownByTheirKeyAlone() {
        X509Certificate ended = old.issue(key.certificateRequest(), Role.WORKER, Instant.EPOCH.plusSeconds(1));
        NodeId owner = NodeCredentials.ownerOf(ended, "k3x9");
        assertEquals(key.nodeId(), owner);
        assertThrows(TrustException.class, () -> NodeCredentials.ownerOf(ended, "other"));
    }
}
