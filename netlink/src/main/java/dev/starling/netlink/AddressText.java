package dev.starling.netlink;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.HexFormat;

/** IPv4, IPv6 and MAC addresses between their text and the bytes that netlink carries. */
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

    /** By its looks only: has a colon. */
    public static boolean isIpv6(String text) {
        return text.indexOf(':') >= 0;
    }

    /** @param text as in RFC 4291, without zone and prefix length; IPv4-mapped addresses are none */
    public static byte[] ipv6(String text) {
        if (isIpv6(text) && text.matches("[0-9a-fA-F:.]+")) { // so it is a literal, and nothing is looked up
            try {
                if (InetAddress.getByName(text) instanceof Inet6Address address) {
                    return address.getAddress();
                }
            } catch (UnknownHostException e) {
                throw new IllegalArgumentException("not an IPv6 address: " + text, e);
            }
        }
        throw new IllegalArgumentException("not an IPv6 address: " + text);
    }

    /** The one text of RFC 5952 ({@code fd00::12}), or an empty string where there are not sixteen bytes (an absent attribute). */
    public static String ipv6(byte[] bytes) {
        if (bytes.length != 16) {
            return "";
        }
        int[] groups = new int[8];
        for (int i = 0; i < 8; i++) {
            groups[i] = (bytes[2 * i] & 0xff) << 8 | bytes[2 * i + 1] & 0xff;
        }
        int longest = -1;
        int length = 1; // a single zero group is written out
        for (int start = 0; start < 8; start++) {
            int end = start;
            while (end < 8 && groups[end] == 0) {
                end++;
            }
            if (end - start > length) {
                longest = start;
                length = end - start;
            }
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            if (i == longest) {
                text.append("::");
                i += length - 1;
            } else {
                text.append(text.length() == 0 || text.charAt(text.length() - 1) == ':' ? "" : ":").append(Integer.toHexString(groups[i]));
            }
        }
        return text.toString();
    }

    /** Four or sixteen bytes. */
    public static byte[] bytes(String address) {
        return isIpv6(address) ? ipv6(address) : ipv4(address);
    }

    public static String text(byte[] address) {
        return address.length == 16 ? ipv6(address) : ipv4(address);
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
