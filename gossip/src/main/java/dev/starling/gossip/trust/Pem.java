package dev.starling.gossip.trust;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;

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

    /** Each certificate in {@code text}, in order; at least one. */
    static List<X509Certificate> certificates(String text) {
        return blocks(CERTIFICATE, text).stream().map(Pem::certificate).toList();
    }

    /** The certificates whose encodings follow each other in {@code der}; at least one. */
    static List<X509Certificate> certificateSequence(byte[] der) {
        try {
            List<X509Certificate> all = new ArrayList<>();
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(der))) {
                all.add((X509Certificate) certificate);
            }
            if (all.isEmpty()) {
                throw TrustException.refused("not a certificate (" + der.length + " bytes)");
            }
            return all;
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("not a certificate (" + der.length + " bytes)", e);
        }
    }

    static List<PrivateKey> privateKeys(String text) {
        return blocks(PRIVATE_KEY, text).stream().map(Pem::privateKey).toList();
    }

    private static List<String> blocks(String label, String text) {
        String end = "-----END " + label + "-----";
        List<String> blocks = new ArrayList<>();
        int from = 0;
        for (int to; (to = text.indexOf(end, from)) >= 0; from = to + end.length()) {
            blocks.add(text.substring(from, to + end.length()));
        }
        if (blocks.isEmpty()) {
            throw TrustException.refused("no PEM block '" + label + "' in a text of " + text.length() + " characters");
        }
        return blocks;
    }

    /** PKCS#8, or the older form ({@code EC PRIVATE KEY}, SEC 1) that openssl and operators' own CAs often use. */
    static PrivateKey anyPrivateKey(String text) {
        if (text.contains("-----BEGIN " + PRIVATE_KEY + "-----")) {
            return privateKey(text);
        }
        try (PEMParser parser = new PEMParser(new StringReader(text))) {
            for (Object block; (block = parser.readObject()) != null;) {
                if (block instanceof PEMKeyPair pair) {
                    return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(pair.getPrivateKeyInfo().getEncoded()));
                }
            }
            throw TrustException.refused("no unencrypted PEM private key in a text of " + text.length() + " characters");
        } catch (IOException | GeneralSecurityException e) {
            throw TrustException.refused("not an EC private key", e);
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
