package dev.starling.runtime.launch;

import dev.starling.runtime.kernel.Descriptor;

/**
 * A process that runs in a container, with the agent's ends of its streams, non-blocking; whoever gets it closes all.
 *
 * @param process pidfd
 * @param input   null where it is empty; of a terminal, a second descriptor of its master
 * @param error   null for a terminal
 */
public record ExecChild(int pid, Descriptor process, Descriptor input, Descriptor output, Descriptor error, boolean terminal) {}
