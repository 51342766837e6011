package dev.starling.runtime;

import java.util.List;

/**
 * A further process in a running container. Empty strings mean "as the container's first process".
 *
 * @param env     {@code NAME=value}; added to the container's
 * @param user    {@code user[:group]}, names or numbers
 * @param tty     give it a terminal of its own, of {@code rows} and {@code columns} (0 where not known)
 * @param input   whether something will be written to it; else its standard input is empty
 */
public record ExecSpec(
        List<String> command, List<String> env, String user, String workingDirectory, boolean tty, boolean input, int rows, int columns) {
    public ExecSpec {
        if (command.isEmpty() || command.get(0).isEmpty()) {
            throw RuntimeShimException.invalid("No exec command specified");
        }
    }

    public static ExecSpec of(List<String> command) {
        return new ExecSpec(command, List.of(), "", "", false, false, 0, 0);
    }
}
