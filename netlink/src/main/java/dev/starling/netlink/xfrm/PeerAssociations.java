package dev.starling.netlink.xfrm;

import java.util.List;
import java.util.Optional;

/**
 * What there should be between this host and one peer.
 *
 * @param address  the peer's, as VXLAN knows it; inside UDP that is one which stands for the peer on this host only
 * @param inbound  all that the peer may send under
 * @param outbound what this host is to send under; empty: what the kernel has stays in use, since what is to follow is not known to the peer yet
 * @param settled  whether the peer sends under one of {@code inbound}, so that others may go
 */
public record PeerAssociations(String address, List<SecurityAssociation> inbound, Optional<SecurityAssociation> outbound, boolean settled) {
    /** One for all between the two. */
    Mode mode() {
        return inbound.stream().findFirst().or(() -> outbound).map(SecurityAssociation::mode).orElse(Mode.TRANSPORT);
    }
}
