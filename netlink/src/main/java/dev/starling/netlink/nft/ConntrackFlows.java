package dev.starling.netlink.nft;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Attributes;
import dev.starling.netlink.Errno;
import dev.starling.netlink.Message;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.List;
import java.util.function.Predicate;

/**
 * {@code conntrack -L} and {@code -D}. A UDP flow stays with the backend that its first packet was given, also when that is gone, until its
 * entry is deleted; TCP notices by itself.
 *
 * <pre>
 * CTA_TUPLE_ORIG 1, CTA_TUPLE_REPLY 2 { CTA_TUPLE_IP 1 { CTA_IP_V4_SRC 1, _V4_DST 2, _V6_SRC 3, _V6_DST 4 }, CTA_TUPLE_PROTO 2 { CTA_PROTO_NUM 1, _SRC_PORT 2, _DST_PORT 3 } }
 * CTA_STATS_GLOBAL_ENTRIES 1
 * // linux/netfilter/nfnetlink_conntrack.h
 * </pre>
 */
public final class ConntrackFlows {
    private static final int GET = 1;
    private static final int DELETE = 2;
    private static final int GET_STATISTICS = 5;
    private static final int TUPLE_ORIGINAL = 1;
    private static final int TUPLE_REPLY = 2;

    /**
     * @param destination     where the client sent to, before translation
     * @param destinationPort likewise
     * @param answeredBy      who answers, after translation
     */
    public record Flow(int protocol, String source, int sourcePort, String destination, int destinationPort, String answeredBy) {}

    private record Entry(Flow flow, byte[] original) {}

    /** All flows of the namespace. */
    public static List<Flow> list(NetNs namespace, Family family) {
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            return entries(socket, family).stream().map(Entry::flow).toList();
        }
    }

    /** @return how many there were */
    public static int delete(NetNs namespace, Family family, Predicate<Flow> which) {
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            if (count(socket) == 0) {
                return 0;
            }
            List<Request> requests = entries(socket, family).stream().filter(entry -> which.test(entry.flow()))
                .map(entry -> delete(family, entry)).toList();
            socket.executeAll(requests);
            return requests.size();
        }
    }

    /** A dump goes through the connections of all namespaces of the machine, so it is worth asking whether this one has any. */
    private static int count(NetlinkSocket socket) {
        return socket.get(Request.of("conntrack count", Nfnetlink.type(Nfnetlink.SUBSYSTEM_CONNTRACK, GET_STATISTICS), 0,
            message -> Nfnetlink.header(message, Nfnetlink.AF_UNSPEC))).attributes(Nfnetlink.HEADER).be32(1, 0);
    }

    private static Request delete(Family family, Entry entry) {
        return Request.of("conntrack delete " + entry.flow(), Nfnetlink.type(Nfnetlink.SUBSYSTEM_CONNTRACK, DELETE), 0,
            message -> Nfnetlink.header(message, family.number).nest(TUPLE_ORIGINAL, tuple -> {
                for (byte octet : entry.original()) {
                    tuple.u8(octet);
                }
            })).tolerating(Errno.ENOENT);
    }

    private static List<Entry> entries(NetlinkSocket socket, Family family) {
        return socket.dump(Request.of("conntrack list", Nfnetlink.type(Nfnetlink.SUBSYSTEM_CONNTRACK, GET), 0,
            message -> Nfnetlink.header(message, family.number))).stream().map(ConntrackFlows::entry).toList();
    }

    private static Entry entry(Message message) {
        Attributes attributes = message.attributes(Nfnetlink.HEADER);
        Attributes original = attributes.nested(TUPLE_ORIGINAL);
        Attributes ports = original.nested(2);
        Flow flow = new Flow(ports.u8(1, 0), source(original.nested(1)), port(ports, 2), destination(original.nested(1)), port(ports, 3),
            source(attributes.nested(TUPLE_REPLY).nested(1)));
        return new Entry(flow, attributes.bytes(TUPLE_ORIGINAL));
    }

    private static String source(Attributes addresses) {
        return AddressText.text(addresses.bytes(addresses.has(3) ? 3 : 1));
    }

    private static String destination(Attributes addresses) {
        return AddressText.text(addresses.bytes(addresses.has(4) ? 4 : 2));
    }

    private static int port(Attributes protocol, int type) {
        return protocol.port(type, 0);
    }

    private ConntrackFlows() {}
}
