package dev.starling.gossip;

import java.time.Duration;

/** Parameters of the gossip machine, with the profiles {@link #lan()}, {@link #wan()}, {@link #local()}. */
public record GossipConfig(
        Duration probeInterval, Duration probeTimeout, int indirectProbes, Duration suspicionMin, int suspicionMaxFactor,
        int awarenessMax, Duration syncInterval, int pushFanout, Duration seedRetry, int maxMessageBytes) {

    public static GossipConfig lan() {
        return new GossipConfig(Duration.ofMillis(500), Duration.ofMillis(400), 3, Duration.ofMillis(1200), 4,
                8, Duration.ofSeconds(1), 16, Duration.ofSeconds(1), 1 << 20);
    }
}
