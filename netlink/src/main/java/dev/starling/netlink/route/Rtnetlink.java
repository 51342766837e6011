package dev.starling.netlink.route;

import dev.starling.netlink.AddressText;

/** Numbers of linux/rtnetlink.h and linux/if_addr.h that more than one object of this package uses. */
final class Rtnetlink {
    static final int RTM_NEWLINK = 16;
    static final int RTM_DELLINK = 17;
    static final int RTM_GETLINK = 18;
    static final int RTM_NEWADDR = 20;
    static final int RTM_DELADDR = 21;
    static final int RTM_GETADDR = 22;
    static final int RTM_NEWROUTE = 24;
    static final int RTM_DELROUTE = 25;
    static final int RTM_GETROUTE = 26;
    static final int RTM_NEWNEIGH = 28;
    static final int RTM_DELNEIGH = 29;
    static final int RTM_GETNEIGH = 30;

    static final int AF_UNSPEC = 0;
    static final int AF_INET = 2;
    static final int AF_BRIDGE = 7;
    static final int AF_INET6 = 10;

    static int familyOf(String address) {
        return AddressText.isIpv6(address) ? AF_INET6 : AF_INET;
    }

    private Rtnetlink() {}
}
