package dev.starling.netlink.xfrm;

import java.util.Arrays;
import java.util.Optional;

/** The authenticated ciphers for ESP that we use, in the kernel's words. Each key is 32 bytes and a salt of 4. */
public enum Cipher {
    /** RFC 4106, with a key of 256 bits. */
    AES_GCM("rfc4106(gcm(aes))", "aes-gcm"),
    /** RFC 7634. */
    CHACHA20_POLY1305("rfc7539esp(chacha20,poly1305)", "chacha20-poly1305");

    public static final int KEY_BYTES = 36;
    static final int TAG_BITS = 128;

    private final String kernelName;
    private final String text;

    Cipher(String kernelName, String text) {
        this.kernelName = kernelName;
        this.text = text;
    }

    String kernelName() {
        return kernelName;
    }

    /** As nodes tell each other. */
    public String text() {
        return text;
    }

    /** Empty for one of a later release. */
    public static Optional<Cipher> ofText(String text) {
        return Arrays.stream(values()).filter(cipher -> cipher.text.equals(text)).findFirst();
    }

    static Optional<Cipher> ofKernelName(String name) {
        return Arrays.stream(values()).filter(cipher -> cipher.kernelName.equals(name)).findFirst();
    }
}
