package dev.starling.node.core;

import dev.starling.gossip.desired.HybridTime;

/** This node's hybrid logical clock (Kulkarni et al. 2014): each time it gives is greater than every one it gave or has seen. */
final class HybridClock {
    private HybridTime latest = HybridTime.ZERO;

    void observe(HybridTime time) {
        if (time.compareTo(latest) > 0) {
            latest = time;
        }
    }

    HybridTime next(long wallMillis) {
        latest = latest.next(wallMillis);
        return latest;
    }
}
