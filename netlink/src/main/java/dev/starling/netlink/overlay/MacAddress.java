package dev.starling.netlink.overlay;

/** MAC addresses of overlay endpoints: 02:42 and the four bytes of the IPv4 address, as Docker does it. */
public final class MacAddress {
    /** @param ipv4 dotted quad, with or without a prefix length */
    public static String of(String ipv4) {
        int slash = ipv4.indexOf('/');
        String[] parts = (slash < 0 ? ipv4 : ipv4.substring(0, slash)).split("\\.", -1);
        if (parts.length != 4) {
            throw new IllegalArgumentException("not an IPv4 address: " + ipv4);
        }
        StringBuilder mac = new StringBuilder("02:42");
        for (String part : parts) {
            int octet = Integer.parseInt(part);
            if (octet < 0 || octet > 255) {
                throw new IllegalArgumentException("not an IPv4 address: " + ipv4);
            }
            mac.append(':').append(Character.forDigit(octet >> 4, 16)).append(Character.forDigit(octet & 15, 16));
        }
        return mac.toString();
    }

    private MacAddress() {}
}
