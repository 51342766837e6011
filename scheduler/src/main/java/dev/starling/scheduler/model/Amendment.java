package dev.starling.scheduler.model;

/**
 * A change of a service's document that follows from what is in sight, not from an operator's will: how an update ended, or how many replicas
 * the load asks for. It keeps the generation it amends, so that whatever an operator writes, also on the other side of a partition, prevails
 * over any number of amendments. Managers that amend the same document at once write the same but for times, and the later one is kept.
 */
public sealed interface Amendment {
    /** All slots run the new template, and have for the update's monitor time. */
    record CompleteUpdate() implements Amendment {}

    /** @param message in Docker's words */
    record PauseUpdate(String message) implements Amendment {}

    /** The previous spec is put back. */
    record RollBack(String message) implements Amendment {}

    /** @param reason for people: which load asked for it */
    record Scale(int replicas, String reason) implements Amendment {}
}
