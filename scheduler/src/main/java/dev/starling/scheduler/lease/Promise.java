package dev.starling.scheduler.lease;

import dev.starling.gossip.NodeId;

/**
 * What a steward has promised of a slot; on its disk before anybody hears of it.
 *
 * @param stewards the newest that it knows, itself among them or not any more
 * @param term     it votes for no lower one
 * @param holder   whom it voted for in that term; null if that one has given the slot up, or in another epoch
 * @param accepted the newest proposal for the epoch after {@code stewards} that it has accepted; null for none
 */
public record Promise(Stewards stewards, long term, NodeId holder, Proposal accepted) {}
