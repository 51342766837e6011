package dev.starling.netlink.nft;

import dev.starling.netlink.AddressText;

/** The protocol whose packets a table sees, and where they have their addresses (RFC 791, RFC 8200). */
public enum Family {
    IPV4("ip", 2, 4, 12, 16), IPV6("ip6", 10, 16, 8, 24);

    /** In nft's words. */
    final String keyword;
    /** {@code AF_...}, {@code NFPROTO_...} */
    final int number;
    final int addressLength;
    final int sourceOffset;
    final int destinationOffset;

    Family(String keyword, int number, int addressLength, int sourceOffset, int destinationOffset) {
        this.keyword = keyword;
        this.number = number;
        this.addressLength = addressLength;
        this.sourceOffset = sourceOffset;
        this.destinationOffset = destinationOffset;
    }

    public static Family of(String address) {
        return AddressText.isIpv6(address) ? IPV6 : IPV4;
    }

    int addressBits() {
        return addressLength * 8;
    }
}
