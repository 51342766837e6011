package dev.starling.node.cli;

import dev.starling.node.config.ConfigException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Option;

/** A command that asks the agent on this machine and prints what it says. */
abstract class AskingCommand implements Callable<Integer> {
    private static final String UNIX = "unix://";

    @Option(names = "--socket", paramLabel = "PATH",
            description = "the agent's API socket; default: that of $$DOCKER_HOST, else /run/starling/docker.sock")
    private Path socket;

    /** Prints the answer. */
    abstract void ask(AgentSocket agent);

    @Override
    public final Integer call() {
        try {
            ask(new AgentSocket(socket != null ? socket : socketOf(System.getenv("DOCKER_HOST"))));
            return 0;
        } catch (AgentSocket.AskException | ConfigException e) {
            System.err.println("starling: " + e.getMessage());
            return 1;
        }
    }

    private static Path socketOf(String dockerHost) {
        return Path.of(dockerHost != null && dockerHost.startsWith(UNIX) ? dockerHost.substring(UNIX.length()) : "/run/starling/docker.sock");
    }

    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
