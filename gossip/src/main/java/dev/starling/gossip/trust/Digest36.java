package dev.starling.gossip.trust;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;

/**
 * Docker's way to write a digest or a random number: base 36, lower case, padded with zeros to the width that the number of bits
 * needs. 128 bits take 25 characters (ids, token secrets), 256 bits take 50 (the CA digest in a join token).
 */
final class Digest36 {
    static final int WIDTH_128_BITS = 25;
    static final int WIDTH_256_BITS = 50;

    private Digest36() {}

    /** The first 128 bits of the SHA-256 of {@code content}, 25 characters. */
    static String short128(byte[] content) {
        return encode(Arrays.copyOf(sha256(content), 16), WIDTH_128_BITS);
    }

    /** The SHA-256 of {@code content}, 50 characters. */
    static String full256(byte[] content) {
        return encode(sha256(content), WIDTH_256_BITS);
    }

    static String encode(byte[] number, int width) {
        String digits = new BigInteger(1, number).toString(36);
        return "0".repeat(width - digits.length()) + digits;
    }

    static boolean isBase36(String text) {
        return text.chars().allMatch(c -> c >= '0' && c <= '9' || c >= 'a' && c <= 'z');
    }

    private static byte[] sha256(byte[] content) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(content);
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("this Java runtime has no SHA-256", e);
        }
    }
}
