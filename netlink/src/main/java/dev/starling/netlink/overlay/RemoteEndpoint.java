package dev.starling.netlink.overlay;

/** A task's address on another host. Its MAC derives from the address ({@link MacAddress#of}), so it needs no gossip of its own. The VTEP is IPv4 or IPv6. */
public record RemoteEndpoint(String address, String vtep) implements Comparable<RemoteEndpoint> {
    @Override
    public int compareTo(RemoteEndpoint other) {
        int byAddress = address.compareTo(other.address);
        return byAddress != 0 ? byAddress : vtep.compareTo(other.vtep);
    }
}
