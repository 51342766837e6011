package dev.starling.node.host;

import dev.starling.scheduler.model.Time;
import java.time.InstantSource;

/** This machine's clocks: the monotonic one from the agent's start, and one that knows the date, for stamps. */
public final class AgentClock {
    private final long origin = System.nanoTime();
    private final InstantSource wall;

    public AgentClock() {
        this(InstantSource.system());
    }

    public AgentClock(InstantSource wall) {
        this.wall = wall;
    }

    public Time now() {
        return new Time((System.nanoTime() - origin) / 1_000_000, wall.millis());
    }
}
