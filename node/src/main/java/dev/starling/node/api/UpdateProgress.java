package dev.starling.node.api;

import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.View;
import java.util.Optional;

/** How far the rollout of a service's last update is: Docker's {@code UpdateStatus}, derived from a view. */
@FunctionalInterface
public interface UpdateProgress {
    UpdateProgress NONE = (view, service) -> Optional.empty();

    Optional<Status> of(View view, ServiceSpec service);

    /**
     * @param state           updating, paused, completed, rollback_started, rollback_paused or rollback_completed
     * @param completedMillis wall clock; 0 while it goes on
     */
    record Status(String state, long startedMillis, long completedMillis, String message) {}
}
