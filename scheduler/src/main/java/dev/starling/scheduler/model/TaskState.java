package dev.starling.scheduler.model;

import java.util.Locale;

/** Docker's task states in their order (SwarmKit design/task_model.md): an observed state only moves forward. */
public enum TaskState {
    NEW, PENDING, ASSIGNED, ACCEPTED, PREPARING, READY, STARTING, RUNNING, COMPLETE, SHUTDOWN, FAILED, REJECTED, REMOVE, ORPHANED;

    /** No container of the task runs any more, or ever will. */
    public boolean isTerminal() {
        return compareTo(RUNNING) > 0;
    }

    /** As the Docker API writes it. */
    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
