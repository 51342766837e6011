package dev.starling.scheduler.model;

import dev.starling.gossip.desired.HybridTime;

/** A node's claim on block number {@code block} of a network's subnet, from which it gives addresses to its tasks. */
public record BlockClaim(String networkUid, int block, HybridTime claimed) {}
