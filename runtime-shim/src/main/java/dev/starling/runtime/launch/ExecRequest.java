package dev.starling.runtime.launch;

import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.kernel.Descriptor;

/**
 * A process to add to a container.
 *
 * @param container pidfd of its first process, whose namespaces it joins; {@code pid} of the same, on the host
 * @param process   what to run, complete
 * @param terminal  a pseudo-terminal instead of pipes, null for none; {@code input} whether its standard input is a pipe or empty
 * @param options   resource limits and the like, as the first process has them
 */
public record ExecRequest(
        Bundle bundle, Descriptor container, int pid, ProcessPlan process, TerminalSize terminal, boolean input, ContainerSpec.ProcessOptions options) {
    public record TerminalSize(int rows, int columns) {}
}
