package dev.starling.gossip.trust;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.stream.Stream;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrustTest {
    private final ClusterAuthority authority = ClusterAuthority.create("k3x9");

    @Test
    void aNodeIsItsKeyAndStaysItAcrossRestarts(@TempDir Path directory) {
        NodeKey made = NodeKey.generate();
        made.save(directory);
        assertTrue(made.nodeId().value().matches("[0-9a-z]{25}"), made.nodeId().value());
        assertEquals(made.nodeId(), NodeKey.load(directory).nodeId());
        assertNotEquals(made.nodeId(), NodeKey.generate().nodeId());
    }

    @Test
    void credentialsSurviveTheDiskAndAreReadableByTheOwnerOnly(@TempDir Path directory) throws Exception {
        NodeKey key = NodeKey.generate();
        NodeCredentials credentials = authority.enrol(key, Role.MANAGER);
        assertFalse(NodeCredentials.exist(directory));
        credentials.save(directory);
        NodeCredentials loaded = NodeCredentials.load(directory);
        assertEquals(key.nodeId(), loaded.nodeId());
        assertEquals(Role.MANAGER, loaded.role());
        assertEquals("k3x9", loaded.clusterId());
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)), file.toString());
                assertFalse(file.toString().endsWith(".new"), file.toString());
            }
        }
    }

    @Test
    void aRenewedCertificateReplacesTheOldOneAndKeepsTheIdentity(@TempDir Path directory) {
        NodeKey key = NodeKey.generate();
        authority.enrol(key, Role.WORKER).save(directory);
        authority.enrol(key, Role.MANAGER).save(directory); // promoted
        assertEquals(key.nodeId(), NodeCredentials.load(directory).nodeId());
        assertEquals(Role.MANAGER, NodeCredentials.load(directory).role());
    }

    @Test
    void aMissingFileIsNamed(@TempDir Path directory) {
        TrustException refused = assertThrows(TrustException.class, () -> NodeCredentials.load(directory));
        assertTrue(refused.getMessage().contains("node.key"), refused.getMessage());
    }

    @Test
    void anotherManagerContinuesTheAuthorityFromItsPem() {
        ClusterAuthority copy = ClusterAuthority.of(authority.keyPem(), authority.certificatePem());
        NodeCredentials credentials = copy.enrol(NodeKey.generate(), Role.WORKER);
        assertEquals(credentials.nodeId(), NodeCredentials.peer(credentials.certificate(), authority.certificate()).id());
        assertEquals(authority.digest(), copy.digest());
        assertThrows(TrustException.class, () -> ClusterAuthority.of(ClusterAuthority.create("k3x9").keyPem(), authority.certificatePem()));
    }

    @Test
    void machinesWithoutAClockAreLetInAndExpiredOnesAreNot() {
        NodeKey key = NodeKey.generate();
        X509Certificate certificate = authority.issue(key.certificateRequest(), Role.WORKER);
        assertEquals(key.nodeId(), NodeCredentials.peer(certificate, authority.certificate(), Instant.EPOCH.plusSeconds(30)).id());
        Instant later = Instant.now().plus(Duration.ofDays(91));
        assertRefused("expired", () -> NodeCredentials.peer(certificate, authority.certificate(), later));
        assertTrue(authority.certificate().getNotAfter().toInstant().isAfter(Instant.now().plus(Duration.ofDays(19 * 365))));
    }

    @Test
    void anAuthorityOfTheSameNameIsAnotherAuthority() {
        NodeCredentials stranger = ClusterAuthority.create("k3x9").enrol(NodeKey.generate(), Role.MANAGER);
        assertRefused("not signed by this cluster's CA", () -> NodeCredentials.peer(stranger.certificate(), authority.certificate()));
        NodeCredentials other = ClusterAuthority.create("other").enrol(NodeKey.generate(), Role.MANAGER);
        assertRefused("was issued by", () -> NodeCredentials.peer(other.certificate(), authority.certificate()));
    }

    @Test
    void theNameInACertificateMustBeThatOfItsKey() throws Exception {
        NodeKey key = NodeKey.generate();
        NodeId victim = NodeKey.generate().nodeId();
        X509Certificate forged = certify(caKey(), authority.certificate().getSubjectX500Principal(), "CN=" + victim + ", OU=swarm-manager, O=k3x9", key.publicKey());
        assertRefused("its key is that of node " + key.nodeId(), () -> NodeCredentials.peer(forged, authority.certificate()));
    }

    @Test
    void aNodeCannotIssueCertificates() throws Exception {
        NodeCredentials worker = authority.enrol(NodeKey.generate(), Role.WORKER);
        NodeKey accomplice = NodeKey.generate();
        String subject = "CN=" + accomplice.nodeId() + ", OU=swarm-manager, O=k3x9";
        X509Certificate byWorker = certify(worker.key(), worker.certificate().getSubjectX500Principal(), subject, accomplice.publicKey());
        assertThrows(TrustException.class, () -> NodeCredentials.peer(byWorker, authority.certificate()));
        X509Certificate inTheCasName = certify(worker.key(), authority.certificate().getSubjectX500Principal(), subject, accomplice.publicKey());
        assertRefused("not signed", () -> NodeCredentials.peer(inTheCasName, authority.certificate()));
        assertThrows(TrustException.class, () -> NodeCredentials.peer(authority.certificate(), authority.certificate()));
    }

    @Test
    void unknownOrDoubleRolesAreRefused() throws Exception {
        NodeKey key = NodeKey.generate();
        X500Principal issuer = authority.certificate().getSubjectX500Principal();
        X509Certificate unknown = certify(caKey(), issuer, "CN=" + key.nodeId() + ", OU=root, O=k3x9", key.publicKey());
        assertRefused("unknown role 'root'", () -> NodeCredentials.peer(unknown, authority.certificate()));
        X509Certificate twice = certify(caKey(), issuer, "CN=" + key.nodeId() + ", OU=swarm-worker, OU=swarm-manager, O=k3x9", key.publicKey());
        assertRefused("2 values of OU", () -> NodeCredentials.peer(twice, authority.certificate()));
    }

    @Test
    void requestsMustProveTheirKeyAndBeP256() throws Exception {
        byte[] request = NodeKey.generate().certificateRequest();
        byte[] altered = request.clone();
        altered[altered.length - 10] ^= 1; // in the signature
        assertThrows(TrustException.class, () -> authority.issue(altered, Role.WORKER));
        assertThrows(TrustException.class, () -> authority.issue(new byte[] {1, 2, 3}, Role.WORKER));
        assertThrows(TrustException.class, () -> authority.issue(new byte[1 << 20], Role.WORKER));
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        KeyPair rsa = generator.generateKeyPair();
        byte[] rsaRequest = new JcaPKCS10CertificationRequestBuilder(new X500Principal("CN=x"), rsa.getPublic())
                .build(new JcaContentSignerBuilder("SHA256withRSA").build(rsa.getPrivate())).getEncoded();
        assertRefused("expected EC on P-256", () -> authority.issue(rsaRequest, Role.WORKER));
    }

    @Test
    void credentialsOfAnotherKeyAreRefused() {
        NodeCredentials credentials = authority.enrol(NodeKey.generate(), Role.WORKER);
        assertRefused("is not for this key", () -> new NodeCredentials(NodeKey.generate().privateKey(), credentials.certificate(), credentials.ca()));
    }

    @Test
    void noSecretEndsUpInALog() {
        NodeKey key = NodeKey.generate();
        NodeCredentials credentials = authority.enrol(key, Role.WORKER);
        assertEquals("NodeKey[" + key.nodeId() + "]", key.toString());
        assertFalse(credentials.toString().contains("key"), credentials.toString());
    }

    private PrivateKey caKey() {
        return Pem.privateKey(authority.keyPem());
    }

    static X509Certificate certify(PrivateKey by, X500Principal issuer, String subject, PublicKey key) throws Exception {
        return Pem.certificate(new JcaX509v3CertificateBuilder(issuer, BigInteger.TEN, new Date(0), new Date(System.currentTimeMillis() + 3_600_000),
                new X500Principal(subject), key)
                .addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(new KeyPurposeId[] {KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth}))
                .build(new JcaContentSignerBuilder("SHA256withECDSA").build(by)).getEncoded());
    }

    private static void assertRefused(String reason, org.junit.jupiter.api.function.Executable action) {
        TrustException refused = assertThrows(TrustException.class, action);
        assertTrue(refused.getMessage().contains(reason), refused.getMessage());
    }
}
