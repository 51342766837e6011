package dev.starling.gossip.trust;

import java.math.BigInteger;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.X509EncodedKeySpec;

/**
 * The one kind of key and signature in a cluster: ECDSA over P-256 with SHA-256. Small and fast on machines without crypto
 * instructions, and known to every TLS stack. A key of any other kind is refused where it enters.
 */
final class EllipticKeys {
    static final String SIGNATURE = "SHA256withECDSA";
    private static final String CURVE = "secp256r1";

    private EllipticKeys() {}

    static KeyPair generate() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec(CURVE));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("this Java runtime cannot make P-256 keys", e);
        }
    }

    /** {@code key} in its one canonical form, so that equal keys have equal encodings and so equal node ids. */
    static PublicKey canonical(PublicKey key) {
        if (!(key instanceof ECPublicKey elliptic) || !isP256(elliptic.getParams())) {
            throw TrustException.refused("the public key is " + key.getAlgorithm() + ", expected EC on P-256");
        }
        try {
            return KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(key.getEncoded()));
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("the public key cannot be read", e);
        }
    }

    static byte[] sign(PrivateKey key, byte[] content) {
        try {
            Signature signature = Signature.getInstance(SIGNATURE);
            signature.initSign(key);
            signature.update(content);
            return signature.sign();
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("cannot sign", e);
        }
    }

    /** False for a wrong signature and for bytes that are none. */
    static boolean verifies(PublicKey key, byte[] content, byte[] signed) {
        try {
            Signature signature = Signature.getInstance(SIGNATURE);
            signature.initVerify(key);
            signature.update(content);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    /** Whether the two halves belong together: shown by a signature, since a P-256 private key does not hold its public point. */
    static boolean match(PrivateKey privateKey, PublicKey publicKey) {
        byte[] probe = "starling-key-check".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        return verifies(publicKey, probe, sign(privateKey, probe));
    }

    private static boolean isP256(ECParameterSpec given) {
        try {
            AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
            parameters.init(new ECGenParameterSpec(CURVE));
            ECParameterSpec p256 = parameters.getParameterSpec(ECParameterSpec.class);
            BigInteger order = p256.getOrder();
            return given.getCurve().equals(p256.getCurve()) && given.getGenerator().equals(p256.getGenerator())
                    && given.getOrder().equals(order) && given.getCofactor() == p256.getCofactor();
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("this Java runtime does not know P-256", e);
        }
    }
}
