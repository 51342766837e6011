package dev.starling.netlink;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Network namespaces of one test, made and watched with iproute2 (a second opinion on what our own requests did), and removed at its end. */
public final class NamespaceLab implements AutoCloseable {
    private static final AtomicInteger NUMBER = new AtomicInteger();

    private final String prefix = "nlt" + ProcessHandle.current().pid() + "x" + NUMBER.incrementAndGet() + "-";
    private final Deque<String> namespaces = new ArrayDeque<>();

    public static NamespaceLab open() {
        assumeTrue("root".equals(System.getProperty("user.name")), "network namespaces need root");
        assumeTrue(Files.isExecutable(Path.of("/usr/sbin/ip")) || Files.isExecutable(Path.of("/sbin/ip")), "these tests compare with iproute2, which is not here");
        return new NamespaceLab();
    }

    /** A new namespace; the path is what {@code setns} takes. */
    public Path namespace(String name) {
        namespaces.push(prefix + name);
        run("ip", "netns", "add", prefix + name);
        return Path.of("/run/netns", prefix + name);
    }

    /** {@code ip -n NAMESPACE WORDS...} */
    public String ip(Path namespace, String words) {
        return tool("ip", namespace, words);
    }

    /** {@code bridge -n NAMESPACE WORDS...} */
    public String bridge(Path namespace, String words) {
        return tool("bridge", namespace, words);
    }

    /** {@code ip netns exec NAMESPACE COMMAND...} */
    public String in(Path namespace, String... command) {
        List<String> words = new ArrayList<>(List.of("ip", "netns", "exec", namespace.getFileName().toString()));
        words.addAll(List.of(command));
        return run(words.toArray(String[]::new));
    }

    private static String tool(String tool, Path namespace, String words) {
        List<String> command = new ArrayList<>(List.of(tool, "-n", namespace.getFileName().toString()));
        command.addAll(List.of(words.split(" ")));
        return run(command.toArray(String[]::new));
    }

    private static String run(String... command) {
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(90, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new AssertionError(String.join(" ", command) + ": " + output);
            }
            return output;
        } catch (IOException e) {
            throw new AssertionError(String.join(" ", command), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        AssertionError failure = null;
        while (!namespaces.isEmpty()) {
            String name = namespaces.pop();
            try {
                if (Files.exists(Path.of("/run/netns", name))) {
                    run("ip", "netns", "delete", name);
                }
            } catch (AssertionError e) {
                failure = e;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
