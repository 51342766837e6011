package dev.starling.netlink.xfrm;

import java.security.MessageDigest;

/** A key with its salt. No text form shows it. */
public final class EspKey {
    private final byte[] bytes;

    private EspKey(byte[] bytes) {
        this.bytes = bytes;
    }

    /** @param bytes {@value Cipher#KEY_BYTES} for one of ours; the kernel may have others */
    public static EspKey of(byte[] bytes) {
        return new EspKey(bytes.clone());
    }

    byte[] bytes() {
        return bytes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof EspKey key && MessageDigest.isEqual(bytes, key.bytes);
    }

    @Override
    public int hashCode() {
        return bytes.length; // a hash of the key would be a trace of it
    }

    @Override
    public String toString() {
        return "key of " + bytes.length * 8 + " bits";
    }
}
