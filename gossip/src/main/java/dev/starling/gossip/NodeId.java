package dev.starling.gossip;

import java.util.Objects;

/**
 * The identity of a node: 25 characters of base 36 (Docker's id format) taken from the SHA-256 of the node's public key.
 * An address is no identity; a node that comes back under another address is the same node.
 */
public record NodeId(String value) implements Comparable<NodeId> {
    public NodeId {
        Objects.requireNonNull(value, "value");
        if (value.isEmpty() || value.length() > 64) {
            throw new IllegalArgumentException("node id must have 1 to 64 characters, got " + value.length());
        }
    }

    @Override
    public int compareTo(NodeId other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
