package dev.starling.node.agent;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.FreePort;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.LargeCluster;
import dev.starling.node.host.AgentClock;
import dev.starling.node.host.HostFacts;
import dev.starling.node.image.WatchedImages;
import dev.starling.node.swarm.SwarmDirectory;
import dev.starling.scheduler.Scheduler;
import dev.starling.scheduler.SchedulerConfig;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * How long a joining node takes to have the whole state of a cluster, and how much heap it needs for that. The joiner is a process of its own with
 * the agent's JVM flags and the agent's own session: transport with mutual TLS, codec, signatures, gossip, view, SQLite, scheduler. On the other
 * side is a {@link StateHolder}. bench/join.sh runs it.
 */
public final class JoinMeasurement {
    private static final int LIMIT_SECONDS = 150;

    /** What the joiner said, or why it said nothing; {@code keptMillis} -1: not everything was on its disk. */
    public record Result(int exitCode, String told, long keptMillis) {
        long value(String name) {
            return Stream.of(told.strip().split(" ")).filter(pair -> pair.startsWith(name + "=")).findFirst()
                    .map(pair -> Long.parseLong(pair.substring(name.length() + 1)))
                    .orElseThrow(() -> new AssertionError("the joiner did not tell '" + name + "' (exit code " + exitCode + "): " + told));
        }
    }

    public static Result measure(Path directory, Path jvmOptions, int services, int nodes, int tasksPerService, int heapMebibytes)
            throws IOException, InterruptedException {
        ClusterAuthority authority = ClusterAuthority.create("k3x9");
        NodeCredentials holder = authority.enrol(NodeKey.generate(), Role.MANAGER);
        NodeCredentials joiner = authority.enrol(NodeKey.generate(), Role.WORKER);
        Endpoint holderEndpoint = new Endpoint("127.0.0.1", FreePort.ofLoopback());
        Endpoint joinerEndpoint = new Endpoint("127.0.0.1", FreePort.ofLoopback());
        LargeCluster state = LargeCluster.of(holder, holderEndpoint, joiner, authority, services, nodes, tasksPerService);
        new SwarmDirectory(directory).save(new SwarmDirectory.Identity(joiner, null, null, joinerEndpoint));
        Path told = directory.resolve("told");
        try (StateHolder peer = new StateHolder(holder, holderEndpoint, state, GossipConfig.lan())) {
            Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "@" + jvmOptions,
                    "-Xmx" + heapMebibytes + "m", "--add-opens", "java.base/java.util=ALL-UNNAMED", "--add-opens",
                    "java.base/java.util.concurrent.atomic=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), JoinMeasurement.class.getName(), "join",
                    directory.toString(), holderEndpoint.toString(), joinerEndpoint.toString(), "" + services, "" + nodes, "" + services * tasksPerService)
                    .redirectErrorStream(true).redirectOutput(told.toFile()).start();
            try {
                if (!process.waitFor(LIMIT_SECONDS + 10, TimeUnit.SECONDS)) {
                    throw new AssertionError("the joiner runs on and on");
                }
            } finally {
                process.destroyForcibly();
            }
            return new Result(process.exitValue(), Files.readString(told), peer.millisUntilAllKept());
        }
    }

    private static void join(Path directory, Endpoint seed, Endpoint own, int services, int nodes, int tasks) throws InterruptedException {
        long begun = System.nanoTime();
        Vertx vertx = Vertx.vertx();
        ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
        NodeConfig defaults = NodeConfig.defaults("joiner");
        NodeConfig config = defaults.withDataDir(directory)
                .withAddresses(new NodeConfig.Addresses(defaults.addresses().apiSocket(), own, own, own, List.of(seed)));
        SwarmControl swarm = new SwarmControl(new Host(config, HostFacts.read(), "test", new AgentClock(), new ToldContainers(),
                new WatchedImages(new BusyboxOnly()), new LoopbackNode.NoOverlay(), new LoopbackNode.NoBalancer(), List.of("everything"),
                new LoopbackNode.NoEncryption(), vertx,
                new SimpleMeterRegistry(), timer), new SwarmDirectory(directory));
        swarm.resume();
        long open = System.nanoTime();
        ClusterSnapshot snapshot = swarm.snapshot();
        while (!isWhole(snapshot, services, nodes, tasks)) {
            if (System.nanoTime() - open > TimeUnit.SECONDS.toNanos(LIMIT_SECONDS)) {
                System.out.println("incomplete: " + snapshot.summary());
                Runtime.getRuntime().halt(2);
            }
            Thread.sleep(2);
            snapshot = swarm.snapshot();
        }
        long whole = System.nanoTime();
        new Scheduler(snapshot.self(), SchedulerConfig.defaults(), new Random(1)).step(snapshot.view(), new AgentClock().now());
        long planned = System.nanoTime();
        Thread.sleep(1_500); // what is on its way to the disk gets there, and the node's own scheduler has had its turn
        System.gc();
        System.out.printf("open=%d whole=%d plan=%d heap=%d started=%d%n", (open - begun) / 1_000_000, (whole - open) / 1_000_000,
                (planned - whole) / 1_000_000, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 10,
                System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime());
        Runtime.getRuntime().halt(0);
    }

    private static boolean isWhole(ClusterSnapshot snapshot, int services, int nodes, int tasks) {
        return snapshot.documents().get(Kind.SERVICE).size() == services && snapshot.reports().size() >= nodes
                && snapshot.view().tasks().values().stream().mapToInt(List::size).sum() == tasks;
    }

    /** Arguments: jvm.options services nodes tasksPerService heapMebibytes...; one line for each heap. */
    public static void main(String[] args) throws Exception {
        if (args[0].equals("join")) {
            try {
                join(Path.of(args[1]), Endpoint.parse(args[2], 1), Endpoint.parse(args[3], 1), Integer.parseInt(args[4]), Integer.parseInt(args[5]),
                        Integer.parseInt(args[6]));
            } catch (RuntimeException e) {
                e.printStackTrace();
                Runtime.getRuntime().halt(3); // threads of the session would keep the process
            }
        }
        for (String heap : List.of(args).subList(4, args.length)) {
            Path directory = Files.createTempDirectory("starling-join-");
            try {
                Result result = measure(directory, Path.of(args[0]), Integer.parseInt(args[1]), Integer.parseInt(args[2]), Integer.parseInt(args[3]),
                        Integer.parseInt(heap));
                System.out.println(result.exitCode() != 0 ? "-Xmx" + heap + "m: exit code " + result.exitCode() + ": " + lastLine(result.told())
                        : "-Xmx%sm: whole state %d ms after the session is open, on its disk %d ms after its first message, one plan %d ms, heap in use after a collection %.1f MiB"
                                .formatted(heap, result.value("whole"), result.keptMillis(), result.value("plan"), result.value("heap") / 1024.0));
            } finally {
                delete(directory);
            }
        }
        Runtime.getRuntime().exit(0);
    }

    private static String lastLine(String text) {
        List<String> lines = text.lines().toList();
        return lines.isEmpty() ? "nothing said" : lines.get(lines.size() - 1);
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> {
                try {
                    Files.deleteIfExists(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    private JoinMeasurement() {}
}
