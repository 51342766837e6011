package dev.starling.scheduler.model;

import java.util.Collections;
import java.util.SortedSet;

/**
 * What services of the cluster ask for and this one node cannot give, for reasons outside of Starling. Nodes say it of themselves, and only
 * of what some service names, so that it stays small.
 *
 * @param missingPaths sources of bind mounts that do not exist there
 * @param takenPorts   "tcp/8080": ports for host-mode publishing on which a process of the host listens
 * @param noEncryption whether its kernel cannot encrypt overlay networks, or the node says nothing of it
 */
public record Obstacles(SortedSet<String> missingPaths, SortedSet<String> takenPorts, boolean noEncryption) {
    public static final Obstacles NONE = new Obstacles(Collections.emptySortedSet(), Collections.emptySortedSet());

    public Obstacles(SortedSet<String> missingPaths, SortedSet<String> takenPorts) {
        this(missingPaths, takenPorts, false);
    }

    public Obstacles {
        missingPaths = Collections.unmodifiableSortedSet(missingPaths);
        takenPorts = Collections.unmodifiableSortedSet(takenPorts);
    }

    public Obstacles withNoEncryption(boolean none) {
        return none == noEncryption ? this : new Obstacles(missingPaths, takenPorts, none);
    }
}
