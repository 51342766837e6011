package dev.starling.netlink.route;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Attributes;
import dev.starling.netlink.Message;
import dev.starling.netlink.MessageWriter;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.List;

/**
 * {@code ip route}, main table; listed are those of IPv4.
 *
 * <pre>
 * struct rtmsg { u8 family; u8 dst_len; u8 src_len; u8 tos; u8 table; u8 protocol; u8 scope; u8 type; u32 flags; };   // linux/rtnetlink.h
 * </pre>
 */
public final class Routes {
    private static final int HEADER = 12;
    private static final int RT_TABLE_MAIN = 254;
    private static final int RTPROT_STATIC = 4;
    private static final int RT_SCOPE_UNIVERSE = 0;
    private static final int RT_SCOPE_LINK = 253;
    private static final int RTN_UNICAST = 1;
    private static final int RTA_DST = 1;
    private static final int RTA_OIF = 4;
    private static final int RTA_GATEWAY = 5;
    private static final int ESRCH = 3;

    /** {@code ip route replace}. */
    public static Request replace(Route route) {
        return change("route replace", Rtnetlink.RTM_NEWROUTE, Message.FLAG_CREATE | Message.FLAG_REPLACE, route);
    }

    /** Deleting one that is not there is fine. */
    public static Request delete(Route route) {
        return change("route delete", Rtnetlink.RTM_DELROUTE, 0, route).tolerating(ESRCH);
    }

    public static List<Route> list(NetlinkSocket socket) {
        return socket.dump(Request.of("route list", Rtnetlink.RTM_GETROUTE, 0, message -> header(message, Rtnetlink.AF_INET, 0, 0, 0, 0, 0))).stream()
            .filter(message -> (message.body().get(4) & 0xff) == RT_TABLE_MAIN && message.body().get(7) == RTN_UNICAST)
            .map(Routes::parse).toList();
    }

    private static Request change(String verb, int type, int flags, Route route) {
        int slash = route.destination().indexOf('/');
        byte[] destination = AddressText.bytes(route.destination().substring(0, slash));
        int prefixLength = Integer.parseInt(route.destination().substring(slash + 1));
        int scope = route.gateway().isEmpty() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
        return Request.of(verb + " " + route.destination() + " via " + route.gateway() + " dev " + route.device(), type, flags, message -> {
            header(message, Rtnetlink.familyOf(route.destination()), prefixLength, RT_TABLE_MAIN, RTPROT_STATIC, scope, RTN_UNICAST);
            if (prefixLength > 0) {
                message.attribute(RTA_DST, destination);
            }
            if (!route.gateway().isEmpty()) {
                message.attribute(RTA_GATEWAY, AddressText.bytes(route.gateway()));
            }
            message.attributeU32(RTA_OIF, route.device());
        });
    }

    private static MessageWriter header(MessageWriter message, int family, int prefixLength, int table, int protocol, int scope, int type) {
        return message.u8(family).u8(prefixLength).u8(0).u8(0).u8(table).u8(protocol).u8(scope).u8(type).u32(0);
    }

    private static Route parse(Message message) {
        Attributes attributes = message.attributes(HEADER);
        int prefixLength = message.body().get(1) & 0xff;
        String destination = prefixLength == 0 ? Route.DEFAULT : AddressText.ipv4(attributes.bytes(RTA_DST)) + "/" + prefixLength;
        return new Route(destination, AddressText.ipv4(attributes.bytes(RTA_GATEWAY)), attributes.u32(RTA_OIF, 0));
    }

    private Routes() {}
}
