package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.regex.Pattern;

/** A SHA-256 digest as OCI writes it, {@code sha256:} and 64 lower-case hexadecimal digits. No other algorithm is in use for images. */
public record Digest(String hex) implements Comparable<Digest> {
    private static final String PREFIX = "sha256:";
    private static final Pattern HEX = Pattern.compile("[0-9a-f]{64}");

    public Digest {
        if (!isHex(hex)) {
            throw new IllegalArgumentException("not 64 lower-case hexadecimal digits: " + hex);
        }
    }

    static boolean isHex(String text) {
        return HEX.matcher(text).matches();
    }

    public static boolean isDigest(String text) {
        return text.startsWith(PREFIX) && isHex(text.substring(PREFIX.length()));
    }

    /** @param where names the document for the error message */
    public static Digest parse(String text, String where) {
        if (!isDigest(text)) {
            throw RuntimeShimException.invalid(where + ": '" + text + "' is not a sha256 digest");
        }
        return new Digest(text.substring(PREFIX.length()));
    }

    public static Digest of(byte[] content) {
        return new Digest(HexFormat.of().formatHex(NativeSha256.ofJdk().digest(content)));
    }

    /** The digest that has been fed everything. */
    static Digest of(MessageDigest digest) {
        return new Digest(HexFormat.of().formatHex(digest.digest()));
    }

    /** For contents, which may be long. */
    static MessageDigest sha256() {
        return NativeSha256.create();
    }

    /** For messages: enough to recognise it. */
    String abbreviated() {
        return PREFIX + hex.substring(0, 12);
    }

    @Override
    public int compareTo(Digest other) {
        return hex.compareTo(other.hex);
    }

    @Override
    public String toString() {
        return PREFIX + hex;
    }
}
