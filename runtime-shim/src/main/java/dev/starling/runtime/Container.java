package dev.starling.runtime;

import java.time.Instant;
import java.util.OptionalInt;

/**
 * A container as it is now.
 *
 * @param pid      of its first process, in the runtime's pid namespace; 0 once it has ended
 * @param exitCode empty while it runs, and where the end was not seen (told as unknown, never as success)
 * @param paused   its processes stand still; it counts as running
 */
public record Container(
        ContainerSpec spec, State state, int pid, Instant startedAt, Instant finishedAt, OptionalInt exitCode, boolean oomKilled, Health health,
        boolean paused) {
    public enum State { RUNNING, EXITED }

    /** Without health checks, not paused. */
    public Container(ContainerSpec spec, State state, int pid, Instant startedAt, Instant finishedAt, OptionalInt exitCode, boolean oomKilled) {
        this(spec, state, pid, startedAt, finishedAt, exitCode, oomKilled, Health.NONE, false);
    }

    public String id() {
        return spec.id();
    }
}
