package dev.starling.gossip.trust;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.interfaces.ECPrivateKey;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.generators.HKDFBytesGenerator;
import org.bouncycastle.crypto.params.HKDFParameters;

/**
 * A key that seals values so that they can rest on disks which anybody may read: ChaCha20-Poly1305 with 256 bits (RFC 8439), as the JDK has it.
 * Two are in use: the cluster's data key, which all managers have, and a key of each node's own, derived from its node key.
 *
 * <pre>
 *   sealed = 1 (version) | nonce, 12 random bytes | ciphertext and tag
 * </pre>
 *
 * A value is sealed for a context ("secret k3x9"), which is not part of the result: what was sealed for one secret does not open as another.
 * Random nonces are good for some 2^32 values a key.
 */
public final class SealingKey {
    private static final String CIPHER = "ChaCha20-Poly1305";
    private static final String LABEL = "STARLING SEALING KEY";
    private static final int KEY_BYTES = 32;
    private static final byte VERSION = 1;
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BYTES = 16;
    private static final int SCALAR_BYTES = 32;
    /** How much longer than the value the sealed one is. */
    public static final int OVERHEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

    private final byte[] key;
    private final SecureRandom random = new SecureRandom();

    private SealingKey(byte[] key) {
        if (key.length != KEY_BYTES) {
            throw TrustException.refused("a sealing key has " + KEY_BYTES + " bytes, this one has " + key.length);
        }
        this.key = key;
    }

    public static SealingKey generate() {
        byte[] bytes = new byte[KEY_BYTES];
        new SecureRandom().nextBytes(bytes);
        return new SealingKey(bytes);
    }

    /** The same for the same key and purpose (HKDF-SHA256, RFC 5869), and of no use to find {@code from}. */
    public static SealingKey derived(PrivateKey from, String purpose) {
        if (!(from instanceof ECPrivateKey elliptic)) {
            throw TrustException.refused("a sealing key is derived from an EC key, not from " + from.getAlgorithm());
        }
        byte[] scalar = fixedWidth(elliptic.getS().toByteArray());
        HKDFBytesGenerator hkdf = new HKDFBytesGenerator(new SHA256Digest());
        hkdf.init(new HKDFParameters(scalar, null, ("starling " + purpose).getBytes(StandardCharsets.UTF_8)));
        byte[] bytes = new byte[KEY_BYTES];
        hkdf.generateBytes(bytes, 0, bytes.length);
        Arrays.fill(scalar, (byte) 0);
        return new SealingKey(bytes);
    }

    /** @param bytes 32 of them, that nobody can guess */
    static SealingKey of(byte[] bytes) {
        return new SealingKey(bytes.clone());
    }

    /** From what {@link #pem} gave. */
    public static SealingKey ofPem(String pem) {
        return new SealingKey(Pem.decode(LABEL, pem));
    }

    /** The key itself, as text: for a file that only its owner reads, or for another manager. */
    public String pem() {
        return Pem.encode(LABEL, key);
    }

    public byte[] seal(byte[] value, String context) {
        byte[] nonce = new byte[NONCE_BYTES];
        random.nextBytes(nonce);
        try {
            byte[] sealed = cipher(Cipher.ENCRYPT_MODE, nonce, context).doFinal(value);
            return ByteBuffer.allocate(1 + NONCE_BYTES + sealed.length).put(VERSION).put(nonce).put(sealed).array();
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("this Java cannot seal with " + CIPHER, e);
        }
    }

    /** @throws TrustException where it was sealed with another key, for another context, by a later release, or was changed since */
    public byte[] open(byte[] sealed, String context) {
        if (sealed.length < OVERHEAD_BYTES) {
            throw TrustException.refused("a sealed value has at least " + OVERHEAD_BYTES + " bytes, this one has " + sealed.length);
        }
        if (sealed[0] != VERSION) {
            throw TrustException.refused("the value was sealed in form " + sealed[0] + "; this release knows form " + VERSION);
        }
        byte[] nonce = Arrays.copyOfRange(sealed, 1, 1 + NONCE_BYTES);
        try {
            return cipher(Cipher.DECRYPT_MODE, nonce, context).doFinal(sealed, 1 + NONCE_BYTES, sealed.length - 1 - NONCE_BYTES);
        } catch (AEADBadTagException e) {
            throw TrustException.refused("the sealed value was changed, or was sealed with another key or for something else");
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("this Java cannot open what was sealed with " + CIPHER, e);
        }
    }

    private Cipher cipher(int mode, byte[] nonce, String context) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance(CIPHER);
        cipher.init(mode, new SecretKeySpec(key, "ChaCha20"), new IvParameterSpec(nonce));
        cipher.updateAAD(("starling-seal-" + VERSION + " " + context).getBytes(StandardCharsets.UTF_8));
        return cipher;
    }

    /** Big-endian: a number's own bytes are fewer where it begins with zeros, and one more where its first bit is set. */
    private static byte[] fixedWidth(byte[] number) {
        byte[] wide = new byte[SCALAR_BYTES];
        int length = Math.min(number.length, SCALAR_BYTES);
        System.arraycopy(number, number.length - length, wide, SCALAR_BYTES - length, length);
        return wide;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof SealingKey same && java.security.MessageDigest.isEqual(key, same.key);
    }

    @Override
    public int hashCode() {
        return SealingKey.class.hashCode(); // one that tells nothing of the key
    }

    @Override
    public String toString() {
        return "SealingKey[]"; // never the key
    }
}
