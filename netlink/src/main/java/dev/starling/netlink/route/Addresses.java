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
 * {@code ip address}. IPv6 addresses are added without the search for duplicates (DAD): who has which is known, and a second of waiting is not needed.
 *
 * <pre>
 * struct ifaddrmsg { u8 ifa_family; u8 ifa_prefixlen; u8 ifa_flags; u8 ifa_scope; u32 ifa_index; };   // linux/if_addr.h
 * </pre>
 */
public final class Addresses {
    private static final int HEADER = 8;
    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;
    private static final int FLAG_NO_DAD = 2;
    private static final int SCOPE_GLOBAL = 0;

    /** Adding an address that is there is fine. */
    public static Request add(Address address) {
        return change("address add", Rtnetlink.RTM_NEWADDR, Message.FLAG_CREATE | Message.FLAG_EXCLUSIVE, address).tolerating(Errno.EEXIST);
    }

    /** Deleting one that is not there is fine. */
    public static Request delete(Address address) {
        return change("address delete", Rtnetlink.RTM_DELADDR, 0, address).tolerating(Errno.EADDRNOTAVAIL, Errno.ENODEV);
    }

    /** The IPv4 addresses of all devices. */
    public static List<Address> list(NetlinkSocket socket) {
        return dump(socket, Rtnetlink.AF_INET).stream().map(Addresses::parse).toList();
    }

    /** The IPv6 addresses of all devices, without link-local ones, which come and go with the device. */
    public static List<Address> listIpv6(NetlinkSocket socket) {
        return dump(socket, Rtnetlink.AF_INET6).stream().filter(message -> message.body().get(0) == Rtnetlink.AF_INET6
            && message.body().get(3) == SCOPE_GLOBAL).map(Addresses::parse).toList();
    }

    private static List<Message> dump(NetlinkSocket socket, int family) {
        return socket.dump(Request.of("address list", Rtnetlink.RTM_GETADDR, 0, message -> header(message, family, 0, 0, 0)));
    }

    private static Request change(String verb, int type, int messageFlags, Address address) {
        Prefix prefix = Prefix.parse(address.cidr());
        int flags = prefix.family() == Rtnetlink.AF_INET6 ? FLAG_NO_DAD : 0;
        return Request.of(verb + " " + address.cidr() + " dev " + address.device(), type, messageFlags,
            message -> header(message, prefix.family(), prefix.length(), flags, address.device())
                .attribute(IFA_LOCAL, prefix.address()).attribute(IFA_ADDRESS, prefix.address()));
    }

    private static MessageWriter header(MessageWriter message, int family, int prefixLength, int flags, int device) {
        return message.u8(family).u8(prefixLength).u8(flags).u8(SCOPE_GLOBAL).u32(device);
    }

    private static Address parse(Message message) {
        Attributes attributes = message.attributes(HEADER); // of IPv6 the kernel says IFA_LOCAL for tunnels only
        String address = AddressText.text(attributes.bytes(attributes.has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS));
        return new Address(message.body().getInt(4), address + "/" + (message.body().get(1) & 0xff));
    }

    private Addresses() {}
}
