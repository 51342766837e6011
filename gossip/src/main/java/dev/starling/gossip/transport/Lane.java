package dev.starling.gossip.transport;

/** Which messages wait for which. */
public enum Lane {
    /** Probes and what is said of members: a few bytes each, sent at once, ahead of all that waits. */
    URGENT,
    /** State, requests, replies: in order, in parts, and no more of it under way than the link takes without a queue. */
    ORDINARY
}
