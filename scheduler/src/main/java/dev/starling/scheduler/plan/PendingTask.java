package dev.starling.scheduler.plan;

import dev.starling.scheduler.model.Slot;

/**
 * A slot that nobody holds, shown by the API as a task in state pending.
 *
 * @param reason why no node takes it, for the task's {@code Err}; empty while one is about to
 */
public record PendingTask(Slot slot, String serviceUid, String reason) {}
