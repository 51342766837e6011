package dev.starling.scheduler;

import dev.starling.scheduler.model.Refusal;

/**
 * A refusal of this node, with what is needed to know when it no longer applies.
 *
 * @param afterFailure a task was rejected here; otherwise there was no room or no address
 * @param templateHash the template it was about
 * @param imageAtHand  the image was there when it failed, so its arrival changes nothing
 */
record OwnRefusal(Refusal refusal, boolean afterFailure, String templateHash, boolean imageAtHand) {}
