package dev.starling.scheduler;

import java.time.Duration;

/**
 * @param beat             how long the node ranked j waits for the one before it: longer than a busy small machine stalls, shorter than it
 *                         takes to be declared dead
 * @param duplicateGrace   how long the loser of a slot waits for the winner to run before it stops anyway
 * @param taskHistoryLimit ended tasks kept per slot (Docker's default is 5)
 */
public record SchedulerConfig(Duration beat, Duration duplicateGrace, int taskHistoryLimit) {
    public static SchedulerConfig defaults() {
        return new SchedulerConfig(Duration.ofMillis(1500), Duration.ofSeconds(30), 5);
    }
}
