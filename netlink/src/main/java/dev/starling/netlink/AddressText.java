package dev.starling.netlink;

import java.util.HexFormat;

/** IPv4 and MAC addresses between their text and the bytes that netlink carries. */
public final class AddressText {
    private static final HexFormat COLONS = HexFormat.ofDelimiter(":");

    /** @param dottedQuad without prefix length */
    public static byte[] ipv4(String dottedQuad) {
        String[] parts = dottedQuad.split("\\.", -1);
        if (parts.length != 4) {
            throw new IllegalArgumentException("not an IPv4 address: " + dottedQuad);
        }
        byte[] bytes = new byte[4];
        for (int i = 0; i < 4; i++) {
            if (!parts[i].matches("\\d{1,3}") || Integer.parseInt(parts[i]) > 255) {
                throw new IllegalArgumentException("not an IPv4 address: " + dottedQuad);
            }
            bytes[i] = (byte) Integer.parseInt(parts[i]);
        }
        return bytes;
    }

    /** Dotted quad, or an empty string where there are not four bytes (an absent attribute). */
    public static String ipv4(byte[] bytes) {
        return bytes.length != 4 ? ""
            : (bytes[0] & 0xff) + "." + (bytes[1] & 0xff) + "." + (bytes[2] & 0xff) + "." + (bytes[3] & 0xff);
    }

    public static byte[] mac(String colons) {
        byte[] bytes = COLONS.parseHex(colons);
        if (bytes.length != 6) {
            throw new IllegalArgumentException("not a MAC address: " + colons);
        }
        return bytes;
    }

    public static String mac(byte[] bytes) {
        return COLONS.formatHex(bytes);
    }

    private AddressText() {}
}
