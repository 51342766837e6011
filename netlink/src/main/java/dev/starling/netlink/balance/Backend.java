package dev.starling.netlink.balance;

/**
 * A task that new connections may be given to.
 *
 * @param port  0: the one that the client asked for
 * @param local whether it is on this host
 */
public record Backend(String address, int port, boolean local) implements Comparable<Backend> {
    @Override
    public int compareTo(Backend other) {
        int byAddress = address.compareTo(other.address);
        return byAddress != 0 ? byAddress : Integer.compare(port, other.port);
    }
}
