package dev.starling.gossip.trust;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What {@code docker swarm unlock} asks for: {@code SWMKEY-1-} and 32 random bytes in base 64. The key that seals is derived from it
 * (HMAC-SHA256; no slow hash is needed, since nobody chose it), and so is the digest by which the cluster's settings name it: from neither
 * can the other be told.
 */
public final class UnlockKey {
    private static final String PREFIX = "SWMKEY-1-";
    private static final int BYTES = 32;

    private final byte[] secret;

    private UnlockKey(byte[] secret) {
        this.secret = secret;
    }

    public static UnlockKey generate() {
        byte[] secret = new byte[BYTES];
        new SecureRandom().nextBytes(secret);
        return new UnlockKey(secret);
    }

    /** @throws TrustException that says what is wrong with {@code text}; never a part of it */
    public static UnlockKey parse(String text) {
        String key = text.strip();
        if (!key.startsWith(PREFIX)) {
            throw TrustException.refused("invalid unlock key: it begins with " + PREFIX);
        }
        byte[] secret;
        try {
            secret = Base64.getDecoder().decode(key.substring(PREFIX.length()));
        } catch (IllegalArgumentException e) {
            throw TrustException.refused("invalid unlock key: what follows " + PREFIX + " is not base 64");
        }
        if (secret.length != BYTES) {
            throw TrustException.refused("invalid unlock key: it has " + secret.length + " bytes, " + BYTES + " are expected");
        }
        return new UnlockKey(secret);
    }

    /** As users type it. */
    public String text() {
        return PREFIX + Base64.getEncoder().withoutPadding().encodeToString(secret);
    }

    /** Names this key without telling it. */
    public String digest() {
        return Base64.getEncoder().withoutPadding().encodeToString(derive("starling unlock key digest"));
    }

    SealingKey sealingKey() {
        return SealingKey.of(derive("starling key vault"));
    }

    private byte[] derive(String purpose) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            return mac.doFinal(purpose.getBytes(StandardCharsets.US_ASCII));
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("this Java has no HmacSHA256, which every Java must have", e);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof UnlockKey key && MessageDigest.isEqual(secret, key.secret);
    }

    @Override
    public int hashCode() {
        return java.util.Arrays.hashCode(secret);
    }

    @Override
    public String toString() {
        return PREFIX + "***";
    }
}
