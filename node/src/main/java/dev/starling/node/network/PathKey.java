package dev.starling.node.network;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** What two nodes, for one pair of their X25519 keys, authenticate {@link PathMessage}s with. */
record PathKey(String own, String peers, byte[] secret) {
    static final int SECRET_BYTES = 32;
    static final int TAG_BYTES = 16;
    private static final String ALGORITHM = "HmacSHA256";

    byte[] tag(byte[] message, int length) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(secret, ALGORITHM));
            mac.update(message, 0, length);
            return Arrays.copyOf(mac.doFinal(), TAG_BYTES);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has " + ALGORITHM, e);
        }
    }

    boolean verifies(byte[] message) {
        int length = message.length - TAG_BYTES;
        return length > 0 && MessageDigest.isEqual(tag(message, length), Arrays.copyOfRange(message, length, message.length));
    }

    @Override
    public String toString() {
        return "key of " + own + " and " + peers;
    }
}
