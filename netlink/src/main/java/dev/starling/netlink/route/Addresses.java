package dev.starling.netlink.route;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Errno;
import dev.starling.netlink.Message;
import dev.starling.netlink.MessageWriter;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.List;

/**
 * {@code ip -4 address}.
 *
 * <pre>
 * struct ifaddrmsg { u8 ifa_family; u8 ifa_prefixlen; u8 ifa_flags; u8 ifa_scope; u32 ifa_index; };   // linux/if_addr.h
 * </pre>
 */
public final class Addresses {
    private static final int HEADER = 8;
    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;

    /** Adding an address that is there is fine. */
    public static Request add(Address address) {
        return change("address add", Rtnetlink.RTM_NEWADDR, Message.FLAG_CREATE | Message.FLAG_EXCLUSIVE, address).tolerating(Errno.EEXIST);
    }

    /** Deleting one that is not there is fine. */
    public static Request delete(Address address) {
        return change("address delete", Rtnetlink.RTM_DELADDR, 0, address).tolerating(Errno.EADDRNOTAVAIL, Errno.ENODEV);
    }

    /** Of all devices. */
    public static List<Address> list(NetlinkSocket socket) {
        return socket.dump(Request.of("address list", Rtnetlink.RTM_GETADDR, 0, message -> header(message, 0, 0))).stream()
            .map(Addresses::parse).toList();
    }

    private static Request change(String verb, int type, int flags, Address address) {
        int slash = address.cidr().indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("not an address with prefix length: " + address.cidr());
        }
        byte[] bytes = AddressText.ipv4(address.cidr().substring(0, slash));
        int prefixLength = Integer.parseInt(address.cidr().substring(slash + 1));
        return Request.of(verb + " " + address.cidr() + " dev " + address.device(), type, flags,
            message -> header(message, prefixLength, address.device()).attribute(IFA_LOCAL, bytes).attribute(IFA_ADDRESS, bytes));
    }

    private static MessageWriter header(MessageWriter message, int prefixLength, int device) {
        return message.u8(Rtnetlink.AF_INET).u8(prefixLength).u8(0).u8(0).u32(device);
    }

    private static Address parse(Message message) {
        String address = AddressText.ipv4(message.attributes(HEADER).bytes(IFA_LOCAL));
        return new Address(message.body().getInt(4), address + "/" + (message.body().get(1) & 0xff));
    }

    private Addresses() {}
}
