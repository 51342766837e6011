package dev.starling.netlink;

import java.nio.ByteBuffer;

/** An IPv6 network, {@code fd00:1::/64}: two halves of its first address, the host bits zero. */
public record Ipv6Subnet(long high, long low, int prefix) {
    public Ipv6Subnet {
        if (prefix < 0 || prefix > 128 || (high & ~highMask(prefix)) != 0 || (low & ~lowMask(prefix)) != 0) {
            throw new IllegalArgumentException("not an IPv6 subnet (bits after the prefix have to be zero): " + text(high, low) + "/" + prefix);
        }
    }

    /** @throws IllegalArgumentException where {@code cidr} is no IPv6 CIDR, or has host bits */
    public static Ipv6Subnet parse(String cidr) {
        int slash = cidr.indexOf('/');
        if (slash < 0 || !cidr.substring(slash + 1).matches("[0-9]{1,3}")) {
            throw new IllegalArgumentException("\"" + cidr + "\" has no prefix length");
        }
        ByteBuffer address = ByteBuffer.wrap(AddressText.ipv6(cidr.substring(0, slash)));
        return new Ipv6Subnet(address.getLong(), address.getLong(), Integer.parseInt(cidr.substring(slash + 1)));
    }

    public boolean contains(String address) {
        ByteBuffer bytes = ByteBuffer.wrap(AddressText.ipv6(address));
        return (bytes.getLong() & highMask(prefix)) == high && (bytes.getLong() & lowMask(prefix)) == low;
    }

    public boolean overlaps(Ipv6Subnet other) {
        int shorter = Math.min(prefix, other.prefix);
        return ((high ^ other.high) & highMask(shorter)) == 0 && ((low ^ other.low) & lowMask(shorter)) == 0;
    }

    /** The address with this number in the subnet, as text. @param number less than 2^32, and than the subnet's size */
    public String host(long number) {
        if (number < 0 || number >> 32 != 0 || (number & lowMask(prefix)) != 0) {
            throw new IllegalArgumentException("no host " + number + " in " + this);
        }
        return text(high, low | number);
    }

    private static long highMask(int prefix) {
        return prefix == 0 ? 0 : prefix >= 64 ? -1L : -1L << (64 - prefix);
    }

    private static long lowMask(int prefix) {
        return prefix <= 64 ? 0 : -1L << (128 - prefix);
    }

    private static String text(long high, long low) {
        return AddressText.ipv6(ByteBuffer.allocate(16).putLong(high).putLong(low).array());
    }

    @Override
    public String toString() {
        return text(high, low) + "/" + prefix;
    }
}
