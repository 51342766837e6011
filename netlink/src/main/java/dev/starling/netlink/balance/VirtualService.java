package dev.starling.netlink.balance;

import java.util.Collections;
import java.util.SortedSet;

/**
 * What is behind a virtual address.
 *
 * @param tasks  that new connections are given to
 * @param spared others, which keep the flows that they have and are given nothing new
 */
public record VirtualService(SortedSet<String> tasks, SortedSet<String> spared, Choice choice) {
    public VirtualService(SortedSet<String> tasks, Choice choice) {
        this(tasks, Collections.emptySortedSet(), choice);
    }
}
