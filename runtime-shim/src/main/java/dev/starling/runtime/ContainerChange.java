package dev.starling.runtime;

import java.time.Instant;

/**
 * Something that happened to a container.
 *
 * @param container as it was right after; of a removed one, before
 */
public record ContainerChange(Kind kind, Container container, Instant at) {
    public enum Kind { STARTED, PAUSED, UNPAUSED, HEALTH, ENDED, REMOVED }
}
