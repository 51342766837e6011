package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The small init that {@code --init} asks for: process 1 that hands signals on and reaps orphans. Like Docker we bind a static program of the host into
 * the container; tini is the one Docker ships.
 */
public final class InitProgram {
    /** Where it appears in the container, as in Docker. */
    public static final String TARGET = "/sbin/docker-init";
    private static final List<Path> PLACES =
            List.of(Path.of("/usr/bin/tini-static"), Path.of("/usr/bin/docker-init"), Path.of("/usr/libexec/docker/docker-init"));

    private InitProgram() {}

    /** @throws RuntimeShimException UNSUPPORTED where this host has none */
    public static Path onHost() {
        return PLACES.stream().filter(Files::isExecutable).findFirst().orElseThrow(() -> RuntimeShimException.unsupported(
                "--init on this node: there is none of " + PLACES + " (Debian: install the package tini)"));
    }

    static List<String> before(List<String> argv) {
        List<String> command = new ArrayList<>(List.of(TARGET, "--"));
        command.addAll(argv);
        return List.copyOf(command);
    }
}
