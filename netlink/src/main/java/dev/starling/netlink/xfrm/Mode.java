package dev.starling.netlink.xfrm;

/** How ESP wraps a packet ({@code XFRM_MODE_*} of linux/xfrm.h). On the wire both are the same: no second IP header. */
public enum Mode {
    /** The packet's own addresses are those of the two hosts. */
    TRANSPORT(0),
    /**
     * The packet's own addresses are local to each host: the sender puts the hosts' in their place, the receiver those that its own association names. So neither
     * NAT between the hosts nor two peers behind one public address matter to what is inside.
     */
    BEET(4);

    final int number;

    Mode(int number) {
        this.number = number;
    }
}
