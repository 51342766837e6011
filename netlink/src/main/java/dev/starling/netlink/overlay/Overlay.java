package dev.starling.netlink.overlay;

import java.nio.file.Path;
import java.util.Collection;
import java.util.SortedSet;

/**
 * The overlay networks of this host, programmed over netlink sockets. Each call is idempotent: it compares with what the kernel has and
 * changes the difference. Calls block and are serialised.
 */
public interface Overlay extends AutoCloseable {
    /** Makes or mends the bridge and the VXLAN device. @param vtep this host's address on the underlay, IPv4 or IPv6, as the kernel writes it */
    void ensure(OverlayNetwork network, String vtep);

    /** Whether this host's kernel has IPv6. Without it {@code ensure} fails for networks that have. */
    boolean hasIpv6();

    /** Gives a container's network namespace its leg: veth, address, routes, loopback up. {@code ensure} came before. */
    void attach(OverlayNetwork network, LocalEndpoint endpoint, Path netns);

    /** Brings only the loopback up, for a container without a network. */
    void loopbackUp(Path netns);

    /** Removes the host's end of a container's leg, where it still is (the kernel removes it with the namespace). */
    void detach(OverlayNetwork network, String endpointId);

    /** Makes FDB and neighbour entries equal to {@code remotes}: adds, changes and removes the difference. */
    void sync(OverlayNetwork network, Collection<RemoteEndpoint> remotes);

    /** Removes bridge and VXLAN device of a network that this host no longer needs. */
    void remove(String networkUid);

    /** Uids (as far as device names tell, see {@link #deviceKey}) of the overlay networks that the kernel has now. */
    SortedSet<String> present();

    /** The name of a network's bridge on each host. */
    String bridge(String networkUid);

    /** The part of a uid that device names carry. */
    String deviceKey(String networkUid);

    @Override
    void close();
}
