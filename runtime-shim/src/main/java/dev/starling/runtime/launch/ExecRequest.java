package dev.starling.runtime.launch;

import dev.starling.runtime.ProcessLimits;
import dev.starling.runtime.Security;
import dev.starling.runtime.kernel.Descriptor;

/**
 * A process to add to a container.
 *
 * @param container pidfd of its first process, whose namespaces it joins; {@code pid} of the same, on the host
 * @param process   what to run, complete
 * @param terminal  a pseudo-terminal instead of pipes, null for none; {@code input} whether its standard input is a pipe or empty
 * @param security  but its capabilities, which are in {@code process}; that and {@code limits} as the first process has them
 */
public record ExecRequest(
        Bundle bundle, Descriptor container, int pid, ProcessPlan process, TerminalSize terminal, boolean input, Security security, ProcessLimits limits) {
    public record TerminalSize(int rows, int columns) {}
}
