package dev.starling.scheduler;

import java.time.Duration;

/**
 * @param after how long a service must have been uneven before one of its tasks moves: longer than a node takes to restart
 * @param pause between two moves of one service
 * @param limit how long a move may take; then it is given up
 */
public record RebalanceConfig(Duration after, Duration pause, Duration limit) {
    public static RebalanceConfig defaults() {
        return new RebalanceConfig(Duration.ofMinutes(5), Duration.ofSeconds(30), Duration.ofSeconds(60));
    }
}
