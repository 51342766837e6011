package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.Simulation;
import java.util.Optional;

/** Something that must hold of a cluster (DESIGN.md section 8): always, or when all faults have ended and it is at rest. */
public interface Invariant {
    /** What is wrong, with names and numbers; empty where it holds. */
    Optional<String> violation(Simulation cluster);

    /** The same as a question, which may be cheaper. */
    default boolean holds(Simulation cluster) {
        return violation(cluster).isEmpty();
    }

    default String name() {
        return getClass().getSimpleName();
    }
}
