package dev.starling.netlink.route;

import dev.starling.netlink.AddressText;

/** An address with the length of its network's prefix, {@code 10.0.1.1/24} or {@code fd00::/64}, as the kernel wants it. */
record Prefix(byte[] address, int length) {
    /** @throws IllegalArgumentException where it is none */
    static Prefix parse(String cidr) {
        int slash = cidr.indexOf('/');
        if (slash < 0 || !cidr.substring(slash + 1).matches("[0-9]{1,3}")) {
            throw new IllegalArgumentException("not an address with prefix length: " + cidr);
        }
        byte[] address = AddressText.bytes(cidr.substring(0, slash));
        int length = Integer.parseInt(cidr.substring(slash + 1));
        if (length > 8 * address.length) {
            throw new IllegalArgumentException("the prefix is longer than the address: " + cidr);
        }
        return new Prefix(address, length);
    }

    int family() {
        return address.length == 16 ? Rtnetlink.AF_INET6 : Rtnetlink.AF_INET;
    }
}
