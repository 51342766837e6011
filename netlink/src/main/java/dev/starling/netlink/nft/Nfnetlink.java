package dev.starling.netlink.nft;

import dev.starling.netlink.MessageWriter;

/**
 * What all messages of netfilter share.
 *
 * <pre>
 * struct nfgenmsg { u8 nfgen_family; u8 version; be16 res_id; };   // linux/netfilter/nfnetlink.h
 * message type: subsystem << 8 | message
 * </pre>
 */
final class Nfnetlink {
    static final int HEADER = 4;
    static final int SUBSYSTEM_CONNTRACK = 1;
    static final int SUBSYSTEM_NFTABLES = 10;
    static final int AF_UNSPEC = 0;

    static int type(int subsystem, int message) {
        return subsystem << 8 | message;
    }

    static MessageWriter header(MessageWriter message, int family) {
        return message.u8(family).u8(0).u8(0).u8(0);
    }

    private Nfnetlink() {}
}
