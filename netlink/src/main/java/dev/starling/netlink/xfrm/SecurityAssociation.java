package dev.starling.netlink.xfrm;

import java.util.Optional;
import java.util.Set;

/**
 * One direction of ESP between two hosts ({@code ip xfrm state}), with extended sequence numbers and a replay window of 128. In transport mode, or inside UDP.
 *
 * @param source      of the packets on the wire, as this host sees them
 * @param destination likewise
 * @param spi         unique for the destination; not below 256
 * @param group       the reqid: policies mean all associations of a group
 * @param cipher      null where the kernel has one that is not ours
 */
public record SecurityAssociation(String source, String destination, int spi, int group, Cipher cipher, EspKey key, Optional<Encapsulation> encapsulation) {
    /** What the kernel knows an association by. */
    public record Id(String destination, int spi) implements Comparable<Id> {
        @Override
        public int compareTo(Id other) {
            int byDestination = destination.compareTo(other.destination);
            return byDestination != 0 ? byDestination : Integer.compareUnsigned(spi, other.spi);
        }

        @Override
        public String toString() {
            return destination + " spi 0x" + Integer.toHexString(spi);
        }
    }

    /** In transport mode. */
    public SecurityAssociation(String source, String destination, int spi, int group, Cipher cipher, EspKey key) {
        this(source, destination, spi, group, cipher, key, Optional.empty());
    }

    public Id id() {
        return new Id(destination, spi);
    }

    public Mode mode() {
        return encapsulation.isPresent() ? Mode.BEET : Mode.TRANSPORT;
    }

    /** @param peers by the addresses that VXLAN knows them by */
    boolean isWith(Set<String> peers) {
        return encapsulation.map(inner -> peers.contains(inner.innerSource()) || peers.contains(inner.innerDestination()))
            .orElseGet(() -> peers.contains(source) || peers.contains(destination));
    }

    /** Whether {@code other} is the same, perhaps by another path: the same key must never count packets from the start again. */
    boolean sharesKeyWith(SecurityAssociation other) {
        return spi == other.spi && key.equals(other.key);
    }
}
