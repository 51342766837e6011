package dev.starling.node.cli;

import ch.qos.logback.classic.Level;
import dev.starling.node.agent.Agent;
import dev.starling.node.config.ConfigException;
import dev.starling.node.config.ConfigLoader;
import dev.starling.node.config.NodeConfig;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code starling run}: the agent, until a signal ends it. Containers go on. */
@Command(name = "run", description = "Run this node's agent.", mixinStandardHelpOptions = true)
public final class RunCommand implements Callable<Integer> {
    private static final int CANNOT_START = 1;

    @Option(names = "--config", paramLabel = "FILE", required = true, description = "starling.yml of this node")
    private Path config;

    @Override
    public Integer call() throws InterruptedException {
        NodeConfig node;
        try {
            node = ConfigLoader.load(config);
        } catch (ConfigException e) {
            System.err.println("starling: " + e.getMessage());
            return ConfigException.EXIT_CODE;
        }
        ((ch.qos.logback.classic.Logger) LoggerFactory.getLogger("dev.starling")).setLevel(Level.toLevel(node.logLevel().name()));
        Logger log = LoggerFactory.getLogger(RunCommand.class);
        Agent agent;
        try {
            agent = Agent.start(node, BuildInfo.version(), BuildInfo.commit());
        } catch (RuntimeException e) {
            log.debug("start failed", e);
            System.err.println("starling: cannot start: " + e.getMessage());
            return CANNOT_START;
        }
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            agent.close();
            ended.countDown();
        }, "shutdown"));
        ended.await();
        return 0;
    }
}
