package dev.starling.gossip.trust;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;

/**
 * What {@code docker swarm join} is given: {@code SWMTKN-1-<CA digest>-<secret>}. The digest lets the joining node know the
 * cluster before it trusts anything it is told; the secret lets the cluster know that the node was invited, and in which role.
 */
public record JoinToken(String caDigest, String secret) {
    private static final String PREFIX = "SWMTKN-1-";
    private static final int SECRET_BYTES = 16;

    public JoinToken {
        requirePart("CA digest", caDigest, Digest36.WIDTH_256_BITS);
        requirePart("secret", secret, Digest36.WIDTH_128_BITS);
    }

    /** A token for the cluster of {@code ca} whose secret is the 16 random bytes {@code entropy}. */
    public static JoinToken make(X509Certificate ca, byte[] entropy) {
        if (entropy.length != SECRET_BYTES) {
            throw TrustException.refused("a join token's secret is made of " + SECRET_BYTES + " random bytes, got " + entropy.length);
        }
        return new JoinToken(ClusterAuthority.digest(ca), Digest36.encode(entropy, Digest36.WIDTH_128_BITS));
    }

    /** @throws TrustException that says what is wrong with {@code text}; the secret is never part of the message */
    public static JoinToken parse(String text) {
        String token = text.strip();
        if (!token.startsWith(PREFIX)) {
            throw TrustException.refused("invalid join token: it must begin with " + PREFIX);
        }
        String[] parts = token.substring(PREFIX.length()).split("-", -1);
        if (parts.length != 2) {
            throw TrustException.refused("invalid join token: expected " + PREFIX + "<CA digest>-<secret>, found " + parts.length
                    + (parts.length == 1 ? " part" : " parts") + " after the prefix");
        }
        return new JoinToken(parts[0], parts[1]);
    }

    /** Whether {@code ca} is the authority of the cluster that this token is for. */
    public boolean matches(X509Certificate ca) {
        return equalInConstantTime(caDigest, ClusterAuthority.digest(ca));
    }

    /** Takes the same time wherever the two differ, so that a secret cannot be guessed piece by piece. */
    public boolean secretEquals(JoinToken other) {
        return equalInConstantTime(secret, other.secret);
    }

    /** The token as users type it. */
    public String text() {
        return PREFIX + caDigest + "-" + secret;
    }

    @Override
    public String toString() {
        return PREFIX + caDigest + "-***"; // tokens end up in logs
    }

    private static boolean equalInConstantTime(String a, String b) {
        return MessageDigest.isEqual(a.getBytes(StandardCharsets.US_ASCII), b.getBytes(StandardCharsets.US_ASCII));
    }

    private static void requirePart(String what, String part, int width) {
        if (part.length() != width || !Digest36.isBase36(part)) {
            throw TrustException.refused("invalid join token: the " + what + " must be " + width + " characters of 0-9 and a-z, got "
                    + part.length() + (part.length() == width ? " with others among them" : ""));
        }
    }
}
