package dev.starling.scheduler.plan;

import dev.starling.scheduler.model.Slot;

/**
 * A slot that nobody holds, shown by the API as a task in state pending.
 *
 * @param isOffered a node could take it and, as a rule, is about to: worth a word only where that takes long
 * @param reason    why no node takes it, for the task's {@code Err}; never empty
 */
public record PendingTask(Slot slot, String serviceUid, boolean isOffered, String reason) {}
