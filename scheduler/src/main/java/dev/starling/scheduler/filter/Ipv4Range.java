package dev.starling.scheduler.filter;

/** IPv4 addresses as numbers: a CIDR range ({@code 10.0.1.0/24}) and what lies in it. */
public record Ipv4Range(int network, int prefixLength) {
    public Ipv4Range {
        if (prefixLength < 0 || prefixLength > 32) {
            throw new IllegalArgumentException("prefix length " + prefixLength + " is not within 0 to 32");
        }
        network &= mask(prefixLength);
    }

    /** @throws IllegalArgumentException if {@code cidr} is not ADDRESS/LENGTH */
    public static Ipv4Range parse(String cidr) {
        int slash = cidr.indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("'" + cidr + "' is not an IPv4 range such as 10.0.1.0/24");
        }
        try {
            return new Ipv4Range(parseAddress(cidr.substring(0, slash)), Integer.parseInt(cidr.substring(slash + 1)));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + cidr + "' is not an IPv4 range such as 10.0.1.0/24", e);
        }
    }

    /** @throws IllegalArgumentException if {@code text} is not four numbers from 0 to 255 */
    public static int parseAddress(String text) {
        String[] parts = text.split("\\.", -1);
        int address = 0;
        for (String part : parts) {
            boolean digits = !part.isEmpty() && part.length() <= 3 && part.chars().allMatch(c -> c >= '0' && c <= '9');
            if (parts.length != 4 || !digits || Integer.parseInt(part) > 255) {
                throw new IllegalArgumentException("'" + text + "' is not an IPv4 address");
            }
            address = address << 8 | Integer.parseInt(part);
        }
        return address;
    }

    public static String format(int address) {
        return (address >>> 24) + "." + (address >>> 16 & 255) + "." + (address >>> 8 & 255) + "." + (address & 255);
    }

    public long size() {
        return 1L << 32 - prefixLength;
    }

    public boolean contains(int address) {
        return (address & mask(prefixLength)) == network;
    }

    /** False for what is no IPv4 address, such as an IPv6 one. */
    public boolean contains(String address) {
        try {
            return contains(parseAddress(address));
        } catch (IllegalArgumentException notIpv4) {
            return false;
        }
    }

    private static int mask(int prefixLength) {
        return prefixLength == 0 ? 0 : -1 << 32 - prefixLength;
    }
}
