package dev.starling.netlink.route;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Attributes;
import dev.starling.netlink.Errno;
import dev.starling.netlink.Message;
import dev.starling.netlink.MessageWriter;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * {@code ip link}.
 *
 * <pre>
 * struct ifinfomsg { u8 ifi_family; u8 pad; u16 ifi_type; int ifi_index; u32 ifi_flags; u32 ifi_change; };   // linux/rtnetlink.h
 * </pre>
 *
 * Attributes are IFLA_* of linux/if_link.h. Changes name a device by its name; the kernel resolves it while it holds the lock, so a batch can make a
 * device and go on to change it.
 */
public final class Links {
    private static final int HEADER = 16;
    private static final int IFF_UP = 1;

    private static final int IFLA_ADDRESS = 1;
    private static final int IFLA_IFNAME = 3;
    private static final int IFLA_MTU = 4;
    private static final int IFLA_LINK = 5;
    private static final int IFLA_MASTER = 10;
    private static final int IFLA_LINKINFO = 18;
    private static final int IFLA_NET_NS_FD = 28;
    private static final int IFLA_EXT_MASK = 29;
    private static final int RTEXT_FILTER_SKIP_STATS = 8;

    private static final int IFLA_INFO_KIND = 1;
    private static final int IFLA_INFO_DATA = 2;
    private static final int IFLA_INFO_SLAVE_KIND = 4;
    private static final int IFLA_INFO_SLAVE_DATA = 5;

    private static final int IFLA_BR_FORWARD_DELAY = 1;
    private static final int IFLA_BR_MCAST_SNOOPING = 23;

    private static final int IFLA_BRPORT_LEARNING = 8;
    private static final int IFLA_BRPORT_UNICAST_FLOOD = 9;
    private static final int IFLA_BRPORT_MCAST_FLOOD = 27;
    private static final int IFLA_BRPORT_BCAST_FLOOD = 30;
    private static final int IFLA_BRPORT_NEIGH_SUPPRESS = 32;
    private static final int IFLA_BRPORT_ISOLATED = 33;

    private static final int IFLA_VXLAN_ID = 1;
    private static final int IFLA_VXLAN_LINK = 3;
    private static final int IFLA_VXLAN_LOCAL = 4;
    private static final int IFLA_VXLAN_LEARNING = 7;
    private static final int IFLA_VXLAN_PORT = 15;
    private static final int IFLA_VXLAN_LOCAL6 = 17;
    private static final int IFLA_VXLAN_UDP_CSUM = 18;
    private static final int IFLA_VXLAN_UDP_ZERO_CSUM6_TX = 19;
    private static final int IFLA_VXLAN_UDP_ZERO_CSUM6_RX = 20;

    private static final int VETH_INFO_PEER = 1;

    /** A bridge that neither snoops nor delays. Its MAC is given at once: one that it borrowed from a port would change with the ports. */
    public static Request addBridge(String name, String mac, int mtu) {
        return add("link add " + name + " type bridge", name, "bridge",
            message -> message.attribute(IFLA_ADDRESS, AddressText.mac(mac)).attributeU32(IFLA_MTU, mtu),
            data -> data.attributeU32(IFLA_BR_FORWARD_DELAY, 0).attributeU8(IFLA_BR_MCAST_SNOOPING, 0));
    }

    /** A VXLAN device without learning, enslaved to {@code master} from the start. */
    public static Request addVxlan(String name, LinkKind.Vxlan vxlan, int mtu, int master) {
        return add("link add " + name + " type vxlan id " + vxlan.vni() + " local " + vxlan.local(), name, "vxlan",
            message -> message.attributeU32(IFLA_MTU, mtu).attributeU32(IFLA_MASTER, master),
            data -> {
                data.attributeU32(IFLA_VXLAN_ID, vxlan.vni())
                    .attribute(vxlan.isOverIpv6() ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL, AddressText.bytes(vxlan.local()))
                    .attributeU32(IFLA_VXLAN_LINK, vxlan.device())
                    .attributePort(IFLA_VXLAN_PORT, vxlan.port())
                    .attributeU8(IFLA_VXLAN_LEARNING, 0);
                if (vxlan.isOverIpv6()) { // where a checksum of zero is the exception, to be taken in by word of both ends (RFC 6935)
                    data.attributeU8(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, vxlan.checksums() ? 0 : 1).attributeU8(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, vxlan.checksums() ? 0 : 1);
                } else {
                    data.attributeU8(IFLA_VXLAN_UDP_CSUM, vxlan.checksums() ? 1 : 0);
                }
            });
    }

    /**
     * A veth pair whose near end is enslaved to {@code master} and whose far end is born in another namespace, both down. One request, so that there is
     * no pair with both ends here for a crash to leave behind.
     */
    public static Request addVethInto(String name, int master, String peer, String peerMac, NetNs.Descriptor peerNamespace, int mtu) {
        return Request.of("link add " + name + " type veth peer " + peer, Rtnetlink.RTM_NEWLINK, Message.FLAG_CREATE | Message.FLAG_EXCLUSIVE,
            message -> header(message, 0, 0, 0)
                .attribute(IFLA_IFNAME, name)
                .attributeU32(IFLA_MTU, mtu)
                .attributeU32(IFLA_MASTER, master)
                .nested(IFLA_LINKINFO, info -> info
                    .attribute(IFLA_INFO_KIND, "veth")
                    .nested(IFLA_INFO_DATA, data -> data.nested(VETH_INFO_PEER, end -> header(end, 0, 0, 0)
                        .attribute(IFLA_IFNAME, peer)
                        .attribute(IFLA_ADDRESS, AddressText.mac(peerMac))
                        .attributeU32(IFLA_MTU, mtu)
                        .attributeU32(IFLA_NET_NS_FD, peerNamespace.number())))));
    }

    /** By index, since a name may meanwhile be another device. One that is gone already is fine. */
    public static Request delete(Link link) {
        return Request.of("link delete " + link.name(), Rtnetlink.RTM_DELLINK, 0, message -> header(message, link.index(), 0, 0))
            .tolerating(Errno.ENODEV);
    }

    public static Request up(String name) {
        return Request.of("link set " + name + " up", Rtnetlink.RTM_NEWLINK, 0, message -> header(message, 0, IFF_UP, IFF_UP).attribute(IFLA_IFNAME, name));
    }

    /** @param master index of a bridge, or 0 for none */
    public static Request master(String name, int master) {
        return change("link set " + name + " master " + master, name, message -> message.attributeU32(IFLA_MASTER, master));
    }

    public static Request mtu(String name, int mtu) {
        return change("link set " + name + " mtu " + mtu, name, message -> message.attributeU32(IFLA_MTU, mtu));
    }

    public static Request mac(String name, String mac) {
        return change("link set " + name + " address " + mac, name, message -> message.attribute(IFLA_ADDRESS, AddressText.mac(mac)));
    }

    /** {@code bridge link set dev NAME learning .. flood .. mcast_flood .. bcast_flood .. neigh_suppress .. isolated ..}, for a device with a master. */
    public static Request port(String name, BridgePort port) {
        return change("bridge link set dev " + name, name, message -> message.nested(IFLA_LINKINFO, info -> info
            .attribute(IFLA_INFO_SLAVE_KIND, "bridge")
            .nested(IFLA_INFO_SLAVE_DATA, data -> data
                .attributeU8(IFLA_BRPORT_LEARNING, flag(port.learning()))
                .attributeU8(IFLA_BRPORT_UNICAST_FLOOD, flag(port.flood()))
                .attributeU8(IFLA_BRPORT_MCAST_FLOOD, flag(port.mcastFlood()))
                .attributeU8(IFLA_BRPORT_BCAST_FLOOD, flag(port.bcastFlood()))
                .attributeU8(IFLA_BRPORT_NEIGH_SUPPRESS, flag(port.neighSuppress()))
                .attributeU8(IFLA_BRPORT_ISOLATED, flag(port.isolated())))));
    }

    public static List<Link> list(NetlinkSocket socket) {
        return socket.dump(Request.of("link list", Rtnetlink.RTM_GETLINK, 0,
            message -> header(message, 0, 0, 0).attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS))).stream().map(Links::parse).toList();
    }

    public static Optional<Link> find(NetlinkSocket socket, String name) {
        try {
            return Optional.of(parse(socket.get(Request.of("link show " + name, Rtnetlink.RTM_GETLINK, 0,
                message -> header(message, 0, 0, 0).attribute(IFLA_IFNAME, name).attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)))));
        } catch (NetlinkException e) {
            if (e.errno() == Errno.ENODEV) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static Request add(String operation, String name, String kind, Consumer<MessageWriter> attributes, Consumer<MessageWriter> data) {
        return Request.of(operation, Rtnetlink.RTM_NEWLINK, Message.FLAG_CREATE | Message.FLAG_EXCLUSIVE, message -> {
            header(message, 0, 0, 0).attribute(IFLA_IFNAME, name);
            attributes.accept(message);
            message.nested(IFLA_LINKINFO, info -> info.attribute(IFLA_INFO_KIND, kind).nested(IFLA_INFO_DATA, data));
        });
    }

    private static Request change(String operation, String name, Consumer<MessageWriter> attributes) {
        return Request.of(operation, Rtnetlink.RTM_NEWLINK, 0, message -> {
            header(message, 0, 0, 0).attribute(IFLA_IFNAME, name);
            attributes.accept(message);
        });
    }

    private static MessageWriter header(MessageWriter message, int index, int flags, int changed) {
        return message.u8(Rtnetlink.AF_UNSPEC).u8(0).u16(0).u32(index).u32(flags).u32(changed);
    }

    private static int flag(boolean on) {
        return on ? 1 : 0;
    }

    private static Link parse(Message message) {
        Attributes attributes = message.attributes(HEADER);
        Attributes info = attributes.nested(IFLA_LINKINFO);
        return new Link(message.body().getInt(4), attributes.string(IFLA_IFNAME), AddressText.mac(attributes.bytes(IFLA_ADDRESS)),
            attributes.u32(IFLA_MTU, 0), (message.body().getInt(8) & IFF_UP) != 0, attributes.u32(IFLA_MASTER, 0), attributes.u32(IFLA_LINK, 0),
            kind(info), port(info));
    }

    private static LinkKind kind(Attributes info) {
        String kind = info.string(IFLA_INFO_KIND);
        return switch (kind) {
            case "bridge" -> new LinkKind.Bridge();
            case "veth" -> new LinkKind.Veth();
            case "vxlan" -> {
                Attributes data = info.nested(IFLA_INFO_DATA);
                boolean ipv6 = data.has(IFLA_VXLAN_LOCAL6);
                yield new LinkKind.Vxlan(data.u32(IFLA_VXLAN_ID, 0), AddressText.text(data.bytes(ipv6 ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL)),
                    data.u32(IFLA_VXLAN_LINK, 0), data.port(IFLA_VXLAN_PORT, 0),
                    ipv6 ? data.u8(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, 0) == 0 : data.u8(IFLA_VXLAN_UDP_CSUM, 0) != 0);
            }
            default -> new LinkKind.Other(kind);
        };
    }

    private static Optional<BridgePort> port(Attributes info) {
        if (!info.string(IFLA_INFO_SLAVE_KIND).equals("bridge")) {
            return Optional.empty();
        }
        Attributes data = info.nested(IFLA_INFO_SLAVE_DATA);
        return Optional.of(new BridgePort(data.u8(IFLA_BRPORT_LEARNING, 0) != 0, data.u8(IFLA_BRPORT_UNICAST_FLOOD, 0) != 0,
            data.u8(IFLA_BRPORT_MCAST_FLOOD, 0) != 0, data.u8(IFLA_BRPORT_BCAST_FLOOD, 0) != 0,
            data.u8(IFLA_BRPORT_NEIGH_SUPPRESS, 0) != 0, data.u8(IFLA_BRPORT_ISOLATED, 0) != 0));
    }

    private Links() {}
}
