package dev.starling.scheduler;

import dev.starling.scheduler.address.AddressPlan;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.plan.Price;
import dev.starling.scheduler.slot.SlotState;

/**
 * Withdraws refusals that no longer apply: the slot is not wanted, finished or runs elsewhere, the service has another template, there is
 * room again, or the image has arrived. A refusal after a failure otherwise stands until every node has refused (see {@link Bidding}).
 */
final class RefusalUpkeep implements Phase {
    @Override
    public void run(Round round) {
        for (OwnRefusal own : round.own().refusals()) {
            if (!stillApplies(round, own)) {
                round.own().dropRefusal(own.refusal().slot());
            }
        }
    }

    private static boolean stillApplies(Round round, OwnRefusal own) {
        Slot slot = own.refusal().slot();
        SlotState state = round.table().wanted(slot).orElse(null);
        ServiceSpec service = round.service(slot).orElse(null);
        if (state == null || service == null || state.finished() || state.isRunning() || !own.templateHash().equals(service.templateHash())) {
            return false;
        }
        if (own.afterFailure()) {
            return own.imageAtHand() || !Price.imageAtHand(service.image(), round.self());
        }
        boolean hasRoom = round.demand(service).fits(round.self(), round.load(task -> true));
        return !hasRoom || new Addressing(round).look(service) instanceof AddressPlan.Outcome.Exhausted;
    }
}
