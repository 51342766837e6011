package dev.starling.netlink.xfrm;

/**
 * One direction of ESP in transport mode between two hosts ({@code ip xfrm state}), with extended sequence numbers and a replay window of 128.
 *
 * @param spi    unique for the destination; not below 256
 * @param group  the reqid: policies mean all associations of a group
 * @param cipher null where the kernel has one that is not ours
 */
public record SecurityAssociation(String source, String destination, int spi, int group, Cipher cipher, EspKey key) {
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

    public Id id() {
        return new Id(destination, spi);
    }
}
