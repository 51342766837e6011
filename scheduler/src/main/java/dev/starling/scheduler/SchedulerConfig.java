package dev.starling.scheduler;

import dev.starling.scheduler.lease.LeaseConfig;
import java.time.Duration;

/**
 * @param beat             how long the node ranked j waits for the one before it: longer than a busy small machine stalls, shorter than it
 *                         takes to be declared dead
 * @param duplicateGrace   how long the loser of a slot waits for the winner to run before it stops anyway
 * @param lease            of exclusive slots
 * @param rebalance        when tasks move to emptier nodes
 */
public record SchedulerConfig(Duration beat, Duration duplicateGrace, LeaseConfig lease, RebalanceConfig rebalance) {
    public SchedulerConfig(Duration beat, Duration duplicateGrace) {
        this(beat, duplicateGrace, LeaseConfig.defaults(), RebalanceConfig.defaults());
    }

    public static SchedulerConfig defaults() {
        return new SchedulerConfig(Duration.ofMillis(1500), Duration.ofSeconds(30));
    }
}
