/**
 * Who is who in a cluster (DESIGN.md section 7). The first node makes a {@link dev.starling.gossip.trust.ClusterAuthority}; each node
 * makes its own {@link dev.starling.gossip.trust.NodeKey}, whose digest is its id; a {@link dev.starling.gossip.trust.JoinToken} gets
 * it a certificate. {@link dev.starling.gossip.trust.NodeCredentials} open connections, and a manager's sign desired state.
 */
package dev.starling.gossip.trust;
