package dev.starling.node.core;

/**
 * What a node says to one peer of the keys between them, in its record under {@code encryption/PEER}. Keys go by {@link NodeEncryption#idOf}.
 *
 * @param own    its own newest key: it takes in what is sent under this one and {@code peers}
 * @param peers  the peer's newest key that it knows
 * @param sendsTo the peer's key under which it sends; empty while it sends nothing
 */
public record KeyAcknowledgement(String own, String peers, String sendsTo) {}
