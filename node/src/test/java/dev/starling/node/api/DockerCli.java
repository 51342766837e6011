package dev.starling.node.api;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** The stock docker command, pointed at a socket. */
record DockerCli(Path socket, Path directory) {
    private static final long BOUND_SECONDS = 120;

    record Result(int exitCode, String out, String err) {
        Result ok() {
            if (exitCode != 0) {
                throw new AssertionError("exit code " + exitCode + "\n" + out + "\n" + err);
            }
            return this;
        }
    }

    /** A command that still runs; output goes to files. */
    record Running(Process process, Path out, Path err) implements AutoCloseable {
        String output() throws IOException {
            return Files.readString(out);
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    static void assumeInstalled() {
        boolean found = Stream.of(System.getenv("PATH").split(File.pathSeparator)).anyMatch(dir -> Files.isExecutable(Path.of(dir, "docker")));
        Assumptions.assumeTrue(found, "there is no docker command in PATH (Debian: docker-cli or docker.io)");
    }

    Result run(String... arguments) throws Exception {
        Running running = start(arguments);
        try (running) {
            if (!running.process().waitFor(BOUND_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("docker " + String.join(" ", arguments) + " did not end:\n" + running.output()
                        + Files.readString(running.err()));
            }
            return new Result(running.process().exitValue(), running.output(), Files.readString(running.err()));
        }
    }

    /** With {@code input} as its standard input. */
    Result runWith(String input, String... arguments) throws Exception {
        Path file = Files.writeString(Files.createTempFile(directory, "in", ""), input);
        try (Running running = start(file.toFile(), arguments)) {
            if (!running.process().waitFor(BOUND_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("docker " + String.join(" ", arguments) + " did not end:\n" + running.output());
            }
            return new Result(running.process().exitValue(), running.output(), Files.readString(running.err()));
        }
    }

    Running start(String... arguments) throws IOException {
        return start(new File("/dev/null"), arguments);
    }

    private Running start(File input, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of("docker", "-H", "unix://" + socket));
        command.addAll(List.of(arguments));
        Path out = Files.createTempFile(directory, "out", "");
        Path err = Files.createTempFile(directory, "err", "");
        ProcessBuilder builder = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile())
                .redirectInput(ProcessBuilder.Redirect.from(input));
        builder.environment().put("DOCKER_CONFIG", directory.toString());
        builder.environment().keySet().removeAll(List.of("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_API_VERSION", "DOCKER_TLS_VERIFY"));
        return new Running(builder.start(), out, err);
    }
}
