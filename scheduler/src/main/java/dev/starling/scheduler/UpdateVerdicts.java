package dev.starling.scheduler;

import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.rollout.UpdateProgress;

/**
 * Writes down how an update ends: completed once all slots have run the new template for the monitor time, paused or rolled back as soon as too
 * many have failed. Halting does not wait for this, every node does that by itself ({@link UpdateProgress}); with no manager in reach the verdict
 * comes when there is one.
 *
 * <pre>
 *   UPDATING          all run it, for the monitor time      -> COMPLETED
 *                     too many failed, action pause         -> PAUSED             until an operator writes the service again
 *                     too many failed, action rollback      -> ROLLBACK_STARTED   with the previous spec
 *   ROLLBACK_STARTED  all run it, for the monitor time      -> ROLLBACK_COMPLETED
 *                     too many failed                       -> ROLLBACK_PAUSED    a rollback is never rolled back
 * </pre>
 */
final class UpdateVerdicts implements Phase {
    private final Amenders amenders;

    UpdateVerdicts(Amenders amenders) {
        this.amenders = amenders;
    }

    @Override
    public void run(Round round) {
        if (!Amenders.mayAmend(round)) {
            return;
        }
        for (ServiceSpec service : round.view().services().values()) {
            if (service.stage().isUnderWay() && !service.isJob()) {
                round.table().service(service.uid()).map(UpdateProgress::of).ifPresent(progress -> judge(round, service, progress));
            }
        }
    }

    private void judge(Round round, ServiceSpec service, UpdateProgress progress) {
        switch (progress.state()) {
            case UPDATING -> { }
            case COMPLETED -> amenders.amendAfter(round, service, "done " + service.stage() + service.templateHash(), service.update().monitorMillis(),
                    new Amendment.CompleteUpdate());
            case PAUSED -> amenders.amendAfter(round, service, "paused", 0, new Amendment.PauseUpdate(progress.message()));
            case FAILED -> amenders.amendAfter(round, service, "failed", 0, service.stage().isRollback()
                    ? new Amendment.PauseUpdate(progress.message().replaceFirst(" rolled back ", " paused ")) : new Amendment.RollBack(progress.message()));
        }
    }
}
