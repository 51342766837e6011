package dev.starling.netlink.xfrm;

/**
 * ESP inside UDP (RFC 3948), which passes NAT, in mode {@link Mode#BEET}.
 *
 * @param sourcePort       of the sender; inbound, where NAT may have changed it, for the kernel's comparison only
 * @param innerSource      the source that the packet has before, or gets behind, the association
 * @param innerDestination likewise
 */
public record Encapsulation(int sourcePort, int destinationPort, String innerSource, String innerDestination) {}
