package dev.starling.netlink.route;

/** How a bridge treats one of its ports ({@code bridge link set dev X learning off ...}). */
public record BridgePort(boolean learning, boolean flood, boolean mcastFlood, boolean bcastFlood, boolean neighSuppress, boolean isolated) {
    /** As the kernel makes them. */
    public static BridgePort standard() {
        return new BridgePort(true, true, true, true, false, false);
    }

    /** A tunnel port whose far side is known entirely: nothing is learned from it, nothing unknown leaves by it, ARP is answered here. */
    public static BridgePort silentTunnel() {
        return new BridgePort(false, false, false, false, true, false);
    }
}
