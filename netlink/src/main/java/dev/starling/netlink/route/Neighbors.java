package dev.starling.netlink.route;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Attributes;
import dev.starling.netlink.Errno;
import dev.starling.netlink.Message;
import dev.starling.netlink.MessageWriter;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.List;

/**
 * {@code ip neighbour}.
 *
 * <pre>
 * struct ndmsg { u8 ndm_family; u8 pad1; u16 pad2; s32 ndm_ifindex; u16 ndm_state; u8 ndm_flags; u8 ndm_type; };   // linux/neighbour.h
 * </pre>
 *
 * {@code nud permanent} entries do not count towards the kernel's neighbour table limits (net.ipv4.neigh.default.gc_thresh*, the same of ipv6).
 */
public final class Neighbors {
    static final int HEADER = 12;
    static final int NDA_DST = 1;
    static final int NDA_LLADDR = 2;
    static final int NDA_IFINDEX = 8;
    static final int NDA_MASTER = 9;
    static final int NUD_NOARP = 0x40;
    static final int NUD_PERMANENT = 0x80;

    /** {@code ip neigh replace ADDRESS lladdr MAC dev DEVICE nud permanent}. */
    public static Request replace(int device, String address, String mac) {
        return Request.of("neigh replace " + address + " lladdr " + mac + " dev " + device, Rtnetlink.RTM_NEWNEIGH, Message.FLAG_CREATE | Message.FLAG_REPLACE,
            message -> header(message, Rtnetlink.familyOf(address), device, NUD_PERMANENT, 0)
                .attribute(NDA_DST, AddressText.bytes(address)).attribute(NDA_LLADDR, AddressText.mac(mac)));
    }

    /** Deleting one that is not there is fine. */
    public static Request delete(int device, String address) {
        return Request.of("neigh delete " + address + " dev " + device, Rtnetlink.RTM_DELNEIGH, 0,
            message -> header(message, Rtnetlink.familyOf(address), device, 0, 0).attribute(NDA_DST, AddressText.bytes(address))).tolerating(Errno.ENOENT);
    }

    /** Of IPv4. */
    public static List<Neighbor> list(NetlinkSocket socket, int device) {
        return list(socket, device, Rtnetlink.AF_INET);
    }

    public static List<Neighbor> listIpv6(NetlinkSocket socket, int device) {
        return list(socket, device, Rtnetlink.AF_INET6);
    }

    private static List<Neighbor> list(NetlinkSocket socket, int device, int family) {
        return socket.dump(Request.of("neigh list dev " + device, Rtnetlink.RTM_GETNEIGH, 0,
                message -> header(message, family, 0, 0, 0).attributeU32(NDA_IFINDEX, device))).stream()
            .map(Neighbors::parse).filter(neighbor -> neighbor.device() == device).toList();
    }

    static MessageWriter header(MessageWriter message, int family, int device, int state, int flags) {
        return message.u8(family).zeros(3).u32(device).u16(state).u8(flags).u8(0);
    }

    static int device(Message message) {
        return message.body().getInt(4);
    }

    static int state(Message message) {
        return message.body().getShort(8) & 0xffff;
    }

    static int flags(Message message) {
        return message.body().get(10) & 0xff;
    }

    private static Neighbor parse(Message message) {
        Attributes attributes = message.attributes(HEADER);
        return new Neighbor(device(message), AddressText.text(attributes.bytes(NDA_DST)), AddressText.mac(attributes.bytes(NDA_LLADDR)),
            (state(message) & NUD_PERMANENT) != 0);
    }

    private Neighbors() {}
}
