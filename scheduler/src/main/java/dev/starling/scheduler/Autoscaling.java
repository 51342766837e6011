package dev.starling.scheduler;

import dev.starling.scheduler.autoscale.Autoscale;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.ServiceSpec;

/**
 * Writes the number of replicas that the load asks for. The cooldown is a wait: fewer replicas have to be asked for that long without a break,
 * more of them for a quarter of it; each change begins the wait anew, and so does a moment in which nothing is asked for. The clock is this
 * manager's own, no wall clocks are compared. While an update is under way the number stays.
 */
final class Autoscaling implements Phase {
    private static final long UP_IS_FASTER = 4;

    private final Amenders amenders;

    Autoscaling(Amenders amenders) {
        this.amenders = amenders;
    }

    @Override
    public void run(Round round) {
        if (!Amenders.mayAmend(round)) {
            return;
        }
        for (ServiceSpec service : round.view().services().values()) {
            if (service.site().autoscale().isOn() && !service.stage().isUnderWay()) {
                Autoscale.of(round.view(), service).ifPresent(asked -> scale(round, service, asked));
            }
        }
    }

    private void scale(Round round, ServiceSpec service, Autoscale asked) {
        if (asked.wanted() == asked.replicas()) {
            return;
        }
        boolean more = asked.wanted() > asked.replicas();
        long cooldown = asked.policy().cooldownMillis();
        long wait = asked.isOutOfBounds() ? 0 : more ? cooldown / UP_IS_FASTER : cooldown;
        amenders.amendAfter(round, service, (more ? "more than " : "fewer than ") + asked.replicas(), wait,
                new Amendment.Scale(asked.wanted(), asked.text()));
    }
}
