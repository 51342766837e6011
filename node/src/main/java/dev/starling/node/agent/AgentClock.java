package dev.starling.node.agent;

import dev.starling.scheduler.model.Time;
import java.time.InstantSource;

/** This machine's clocks: the monotonic one from the agent's start, and one that knows the date, for stamps. */
final class AgentClock {
    private final long origin = System.nanoTime();
    private final InstantSource wall;

    AgentClock() {
        this(InstantSource.system());
    }

    AgentClock(InstantSource wall) {
        this.wall = wall;
    }

    Time now() {
        return new Time((System.nanoTime() - origin) / 1_000_000, wall.millis());
    }
}
