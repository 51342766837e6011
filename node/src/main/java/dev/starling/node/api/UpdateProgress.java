package dev.starling.node.api;

import dev.starling.node.core.Document;
import dev.starling.scheduler.model.View;
import java.util.Optional;

/** How far the rollout of a service's last update is: Docker's {@code UpdateStatus}, derived from a view. */
@FunctionalInterface
public interface UpdateProgress {
    UpdateProgress NONE = (view, service) -> Optional.empty();

    /** Empty for a service that was never updated. */
    Optional<Status> of(View view, Document service);

    /**
     * @param state           updating, paused, completed, rollback_started, rollback_paused or rollback_completed
     * @param completedMillis wall clock; 0 while it goes on
     */
    record Status(String state, long startedMillis, long completedMillis, String message) {}
}
