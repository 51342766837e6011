package dev.starling.node.agent;

import dev.starling.scheduler.model.Time;

/** This machine's clocks: the monotonic one from the agent's start, the wall clock for stamps. */
final class AgentClock {
    private final long origin = System.nanoTime();

    Time now() {
        return new Time((System.nanoTime() - origin) / 1_000_000, System.currentTimeMillis());
    }
}
