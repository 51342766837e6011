package dev.starling.gossip.sim;

/**
 * What messages cost on a network, as the product sends them: one TLS 1.3 record each over TCP and IPv4. A ping is acknowledged by the packet that
 * carries its answer; the answer takes a bare TCP acknowledgement, since nothing follows it.
 */
final class Wire {
    /** Length and type. */
    private static final int FRAME_BYTES = 5;
    /** Header, content type and tag of a TLS 1.3 record. */
    private static final int RECORD_BYTES = 22;
    /** IPv4, TCP and its timestamps; add 14 for Ethernet, 20 for IPv6. */
    private static final int PACKET_BYTES = 52;

    private Wire() {}

    static double bytes(long payload, long messages, long bareAcknowledgements) {
        return payload + (FRAME_BYTES + RECORD_BYTES + PACKET_BYTES) * (double) messages + PACKET_BYTES * (double) bareAcknowledgements;
    }
}
