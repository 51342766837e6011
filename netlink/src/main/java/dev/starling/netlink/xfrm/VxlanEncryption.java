package dev.starling.netlink.xfrm;

import java.util.Collection;
import java.util.Set;

/**
 * The encryption of this host's VXLAN traffic of encrypted networks, in the kernel. Such networks have a UDP port of their own, so a packet's port says
 * whether it has to be ESP, and no packet needs a mark. Each call compares with the kernel and changes the difference.
 */
public interface VxlanEncryption {
    /** The VXLAN port of encrypted networks. Nothing but ESP goes to it or is taken from it. */
    int PORT = 7947;
    /** The reqid of all that is ours: what has another is left alone. */
    int GROUP = 0x5374_6172;

    /** Whether and how the kernel can. @param local this host's end of the tunnels: IPv4 and IPv6 take different modules */
    EspSupport support(String local);

    /**
     * From now on what goes to or comes by {@link #PORT} is dropped unless a peer's policy says ESP. Before the first device of an encrypted network.
     *
     * @param local this host's end of the tunnels, of the family that they go by
     */
    void refusePlaintext(String local);

    /** Opens the UDP port by which this host takes in ESP inside UDP. */
    EncapsulationSocket encapsulationPort(String local, int port);

    /**
     * Peers that are not named lose their associations and policies at once.
     *
     * @return outbound associations that were added before and are gone. They are not added again: their counters would begin anew under the same key,
     *     which breaks these ciphers. The caller has to make new keys.
     */
    Set<SecurityAssociation.Id> apply(String local, Collection<PeerAssociations> peers, long nowNanos);
}
