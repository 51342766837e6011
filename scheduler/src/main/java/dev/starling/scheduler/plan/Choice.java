package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Slot;

/**
 * What the plan says of one free slot.
 *
 * @param first    the node ranked first; null if no node can take it now
 * @param position of the observing node in the ranking, from 0 (and no more than 64, which stands for
 *                 that and more); -1 if it can not take the slot, or has refused it
 * @param price    what the observing node asks; meaningless where its turn does not come: {@code position} is -1, or {@link #FAR}
 */
public record Choice(Slot slot, NodeId first, int position, int price) {
    /** A place further down the ranking need not be known: a turn comes each second or two. */
    public static final int FAR = 64;
}
