package dev.starling.netlink;

import java.util.HexFormat;

/** IPv4 and MAC addresses between their text and the bytes that netlink carries. */
public final class AddressText {
    private static final HexFormat COLONS = HexFormat.ofDelimiter(":");

    /** @param dottedQuad without prefix length */
    public static byte[] ipv4(String dottedQuad) {
        byte[] bytes = new byte[4];
        int start = 0;
        for (int i = 0; i < 4; i++) { // by hand: rules for a thousand services have ten thousand of them
            int dot = dottedQuad.indexOf('.', start);
            int end = i < 3 ? dot : dottedQuad.length();
            if ((dot < 0) != (i == 3) || end - start < 1 || end - start > 3) {
                throw notAnAddress(dottedQuad);
            }
            int octet = 0;
            for (; start < end; start++) {
                char digit = dottedQuad.charAt(start);
                if (digit < '0' || digit > '9') {
                    throw notAnAddress(dottedQuad);
                }
                octet = octet * 10 + digit - '0';
            }
            if (octet > 255) {
                throw notAnAddress(dottedQuad);
            }
            bytes[i] = (byte) octet;
            start++;
        }
        return bytes;
    }

    private static IllegalArgumentException notAnAddress(String text) {
        return new IllegalArgumentException("not an IPv4 address: " + text);
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
