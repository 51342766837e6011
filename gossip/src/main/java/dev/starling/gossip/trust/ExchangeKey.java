package dev.starling.gossip.trust;

import dev.starling.gossip.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import org.bouncycastle.crypto.agreement.X25519Agreement;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.generators.HKDFBytesGenerator;
import org.bouncycastle.crypto.params.HKDFParameters;
import org.bouncycastle.crypto.params.X25519PrivateKeyParameters;
import org.bouncycastle.crypto.params.X25519PublicKeyParameters;

/**
 * A short-lived X25519 key pair (RFC 7748) from which keys for one purpose between two nodes are derived (HKDF-SHA256, RFC 5869). The private half is in
 * this process's memory only: with the process, or with this object, goes what could decrypt recorded traffic.
 */
public final class ExchangeKey {
    private final X25519PrivateKeyParameters secret;
    private final Bytes publicKey;

    private ExchangeKey(X25519PrivateKeyParameters secret) {
        this.secret = secret;
        this.publicKey = Bytes.wrap(secret.generatePublicKey().getEncoded());
    }

    public static ExchangeKey generate() {
        return new ExchangeKey(new X25519PrivateKeyParameters(new SecureRandom()));
    }

    /** 32 bytes. */
    public Bytes publicKey() {
        return publicKey;
    }

    /**
     * The same at both ends for the same purpose.
     *
     * @throws TrustException for a public key that would give a secret everyone knows (a point of small order), or is none
     */
    public byte[] derive(Bytes peer, String purpose, int length) {
        byte[] shared = new byte[X25519PrivateKeyParameters.SECRET_SIZE];
        try {
            X25519Agreement agreement = new X25519Agreement();
            agreement.init(secret);
            agreement.calculateAgreement(new X25519PublicKeyParameters(peer.array(), 0), shared, 0);
        } catch (IllegalStateException | IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
            throw TrustException.refused("a peer's X25519 key is of no use: " + e.getMessage());
        }
        HKDFBytesGenerator hkdf = new HKDFBytesGenerator(new SHA256Digest());
        hkdf.init(new HKDFParameters(shared, null, ("starling " + purpose).getBytes(StandardCharsets.UTF_8)));
        byte[] key = new byte[length];
        hkdf.generateBytes(key, 0, length);
        java.util.Arrays.fill(shared, (byte) 0);
        return key;
    }
}
