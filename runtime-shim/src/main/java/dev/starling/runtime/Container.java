package dev.starling.runtime;

import java.time.Instant;
import java.util.OptionalInt;

/**
 * A container as it is now.
 *
 * @param pid      of its first process, in the runtime's pid namespace; 0 once it has ended
 * @param exitCode empty while it runs, and where the end was not seen (told as unknown, never as success)
 */
public record Container(
        ContainerSpec spec, State state, int pid, Instant startedAt, Instant finishedAt, OptionalInt exitCode, boolean oomKilled) {
    public enum State { RUNNING, EXITED }

    public String id() {
        return spec.id();
    }
}
