package dev.starling.gossip.trust;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;

/** Text form of keys and certificates (RFC 7468): one block of a known label; anything else is an error that says what was found. */
final class Pem {
    static final String CERTIFICATE = "CERTIFICATE";
    static final String PRIVATE_KEY = "PRIVATE KEY";

    private static final Base64.Encoder LINES = Base64.getMimeEncoder(64, new byte[] {'\n'});

    private Pem() {}

    static String encode(String label, byte[] der) {
        return "-----BEGIN " + label + "-----\n" + LINES.encodeToString(der) + "\n-----END " + label + "-----\n";
    }

    /** The content of the first block with {@code label} in {@code text}. */
    static byte[] decode(String label, String text) {
        String begin = "-----BEGIN " + label + "-----";
        int start = text.indexOf(begin);
        int end = text.indexOf("-----END " + label + "-----", Math.max(0, start));
        if (start < 0 || end < 0) {
            throw TrustException.refused("no PEM block '" + label + "' in a text of " + text.length() + " characters");
        }
        try {
            return Base64.getMimeDecoder().decode(text.substring(start + begin.length(), end).getBytes(StandardCharsets.US_ASCII));
        } catch (IllegalArgumentException e) {
            throw TrustException.refused("PEM block '" + label + "' is not base64", e);
        }
    }

    static X509Certificate certificate(String text) {
        return certificate(decode(CERTIFICATE, text));
    }

    static X509Certificate certificate(byte[] der) {
        try {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("not a certificate (" + der.length + " bytes)", e);
        }
    }

    static PrivateKey privateKey(String text) {
        try {
            return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(decode(PRIVATE_KEY, text)));
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("not an EC private key in PKCS#8", e);
        }
    }

    static String of(X509Certificate certificate) {
        return encode(CERTIFICATE, der(certificate));
    }

    static String of(PrivateKey key) {
        return encode(PRIVATE_KEY, key.getEncoded());
    }

    static byte[] der(X509Certificate certificate) {
        try {
            return certificate.getEncoded();
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("certificate cannot be encoded", e);
        }
    }
}
