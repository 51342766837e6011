package dev.starling.netlink.route;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Message;
import dev.starling.netlink.Request;

/**
 * {@code ip route}, main table.
 *
 * <pre>
 * struct rtmsg { u8 family; u8 dst_len; u8 src_len; u8 tos; u8 table; u8 protocol; u8 scope; u8 type; u32 flags; };   // linux/rtnetlink.h
 * </pre>
 */
public final class Routes {
    private static final int RT_TABLE_MAIN = 254;
    private static final int RTPROT_STATIC = 4;
    private static final int RT_SCOPE_UNIVERSE = 0;
    private static final int RT_SCOPE_LINK = 253;
    private static final int RTN_UNICAST = 1;
    private static final int RTA_DST = 1;
    private static final int RTA_OIF = 4;
    private static final int RTA_GATEWAY = 5;

    /** {@code ip route replace}. */
    public static Request replace(Route route) {
        Prefix destination = Prefix.parse(route.destination());
        boolean onLink = route.gateway().isEmpty();
        String operation = "route replace " + route.destination() + (onLink ? "" : " via " + route.gateway()) + " dev " + route.device();
        return Request.of(operation, Rtnetlink.RTM_NEWROUTE, Message.FLAG_CREATE | Message.FLAG_REPLACE, message -> {
            message.u8(destination.family()).u8(destination.length()).u8(0).u8(0);
            message.u8(RT_TABLE_MAIN).u8(RTPROT_STATIC).u8(onLink ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE).u8(RTN_UNICAST).u32(0);
            if (destination.length() > 0) {
                message.attribute(RTA_DST, destination.address());
            }
            if (!onLink) {
                message.attribute(RTA_GATEWAY, AddressText.bytes(route.gateway()));
            }
            message.attributeU32(RTA_OIF, route.device());
        });
    }

    private Routes() {}
}
