package dev.starling.gossip;

/**
 * The port to the nodes' keys. What a node says of itself (its membership, its record, whom it misses) is passed on by others, so it carries its
 * signature; a node's id is the digest of its key, so nobody has to vouch for the key. The simulator has a cheap stand-in that detects forgery too.
 */
public interface NodeSigning {
    /** This node's public key, as {@link #signed} takes it and others get it. */
    Bytes publicKey();

    Bytes sign(byte[] statement);

    /** True where {@code publicKey} is the key that {@code node} is named after, and has signed {@code statement}. Any bytes may come in. */
    boolean signed(NodeId node, Bytes publicKey, byte[] statement, Bytes signature);
}
