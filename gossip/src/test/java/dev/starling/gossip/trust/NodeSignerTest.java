package dev.starling.gossip.trust;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A node's word carries its signature, and the key in it is the one that the node is named after. */
class NodeSignerTest {
    private static final byte[] STATEMENT = "I am at 10.0.0.1".getBytes(StandardCharsets.UTF_8);
    private final NodeKey key = NodeKey.generate();
    private final NodeSigner signer = new NodeSigner(key);
    private final NodeSigner other = new NodeSigner(NodeKey.generate());

    @Test
    void anyoneCanCheckItAndNobodyCanForgeIt() {
        Bytes signature = signer.sign(STATEMENT);
        assertEquals(64, signature.size());
        assertEquals(33, signer.publicKey().size());
        assertEquals(signature, signer.sign(STATEMENT), "no random number, so one statement has one signature");
        assertTrue(other.signed(key.nodeId(), signer.publicKey(), STATEMENT, signature));
        assertFalse(other.signed(key.nodeId(), signer.publicKey(), "I am at 10.0.0.2".getBytes(StandardCharsets.UTF_8), signature));
        assertFalse(other.signed(key.nodeId(), other.publicKey(), STATEMENT, other.sign(STATEMENT)), "another key than the node's");
        assertFalse(other.signed(key.nodeId(), signer.publicKey(), STATEMENT, other.sign(STATEMENT)));
    }

    @Test
    void theIdOfACompressedKeyIsThatOfTheKey() {
        assertEquals(key.nodeId(), NodeKey.nodeIdOf(EllipticKeys.ofCompressed(signer.publicKey().array())));
        assertArrayEquals(key.publicKey().getEncoded(), EllipticKeys.subjectPublicKeyInfo(EllipticKeys.ofCompressed(signer.publicKey().array())));
    }

    @Test
    void anyBytesMayComeIn() {
        Random random = new Random(5);
        Bytes good = signer.sign(STATEMENT);
        for (int i = 0; i < 2_000; i++) {
            byte[] keyBytes = random.nextBoolean() ? new byte[random.nextInt(80)] : signer.publicKey().toArray();
            byte[] signature = random.nextBoolean() ? new byte[random.nextInt(140)] : good.toArray();
            if (random.nextInt(3) > 0 && keyBytes.length > 0) {
                keyBytes[random.nextInt(keyBytes.length)] ^= (byte) (1 + random.nextInt(255));
            }
            if (signature.length > 0) {
                signature[random.nextInt(signature.length)] ^= (byte) (1 + random.nextInt(255));
            }
            assertFalse(other.signed(key.nodeId(), Bytes.wrap(keyBytes), STATEMENT, Bytes.wrap(signature)));
        }
        assertFalse(other.signed(key.nodeId(), signer.publicKey(), STATEMENT, Bytes.wrap(new byte[64])), "zeros");
        assertFalse(other.signed(key.nodeId(), Bytes.EMPTY, STATEMENT, Bytes.EMPTY));
    }
}
