/**
 * The Atomix cluster as seen by the node: members with their addresses, and {@code ClusterCommunicationService} (request and reply to
 * a member by id). Underneath, everything is ours: the messages go over
 * {@link dev.starling.gossip.transport.PeerTransport} and the members come from our SWIM machine through
 * {@link dev.starling.gossip.atomix.MembershipFeed}. Why so: DESIGN.md section 3. Kept thin on purpose.
 *
 * <p>Use the methods of {@code ClusterCommunicationService} that take an encoder and a decoder. Those without serialize with Kryo 4
 * and class names, which is not for bytes from a network.
 */
package dev.starling.gossip.atomix;
