package dev.starling.chaos;

import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.scheduler.model.Resources;
import java.lang.management.ManagementFactory;
import java.util.LongSummaryStatistics;

/**
 * Slots placed from empty by whole nodes: how long until all run (in simulated time, containers start within 80 ms), how evenly, how often two nodes
 * claimed one slot, and what it cost in messages. Every node holds every task and plans for itself, all in one heap and one thread, so work and memory grow with the
 * square of the nodes; what nodes can share without knowing it they do ({@link Simulation#shareMessages}). bench/large-placement.sh has the command.
 *
 * @param tookMillis simulated; from the first service's creation until all slots run
 * @param claims     tasks that were ever made: more than slots where two nodes claimed one
 * @param messages   delivered meanwhile, in the whole cluster
 */
public record LargePlacement(int nodes, int services, int slots, boolean placed, long tookMillis, long least, long most, int claims, long messages,
        long bytes) {
    private static final long LIMIT_MILLIS = 30_000;
    private static final long JOIN_MILLIS = 8_000;
    /** A node that has not planned yet when services come places them at once, by those that it knows: it takes them for old. */
    private static final long REST_MILLIS = 5_000;
    private static final long STEP_MILLIS = 10;
    private static final Resources CAPACITY = new Resources(200_000_000_000L, 200L << 30);

    /** How far a run is: {@code millis} since the first service was created, negative before. */
    public interface Progress {
        void at(Simulation cluster, long millis);
    }

    /** @param writers at how many managers services are created at one time; what they create others hear of in another order */
    public static LargePlacement run(long seed, int nodes, int services, int slotsANode, int writers, Progress progress) {
        Simulation cluster = new Simulation(seed);
        cluster.shareMessages();
        for (int i = 0; i < nodes; i++) {
            cluster.addNode(Role.MANAGER, CAPACITY);
        }
        cluster.startAll();
        cluster.runFor(JOIN_MILLIS);
        if (!cluster.runUntil(() -> knowTheSame(cluster), LIMIT_MILLIS)) {
            throw new IllegalStateException(nodes + " nodes do not know the same " + cluster.now() + " simulated ms after they were started");
        }
        cluster.runFor(REST_MILLIS);
        progress.at(cluster, -1);
        int slots = nodes * slotsANode;
        long started = cluster.now();
        long messages = cluster.network().delivered();
        long bytes = cluster.network().bytes();
        for (int service = 0; service < services; service++) {
            int replicas = slots / services + (service < slots % services ? 1 : 0);
            String name = "s" + service;
            cluster.nodes().get(service % writers).operate((core, now) -> core.create(Kind.SERVICE, null,
                    Services.replicated(name, replicas).reserving(100_000_000L, 100L << 20).body(), now));
        }
        boolean placed = false;
        while (!placed && cluster.now() < started + LIMIT_MILLIS) {
            cluster.runFor(STEP_MILLIS);
            progress.at(cluster, cluster.now() - started);
            placed = running(cluster) == slots;
        }
        LongSummaryStatistics perNode = cluster.nodes().stream().mapToLong(node -> node.running().size()).summaryStatistics();
        int claims = claims(cluster);
        return new LargePlacement(nodes, services, slots, placed, cluster.now() - started, perNode.getMin(), perNode.getMax(), claims,
                cluster.network().delivered() - messages, cluster.network().bytes() - bytes);
    }

    private static boolean knowTheSame(Simulation cluster) {
        return cluster.nodes().stream().mapToLong(node -> node.core().viewFingerprint()).distinct().count() == 1;
    }

    private static int claims(Simulation cluster) {
        return cluster.nodes().stream().mapToInt(node -> node.core().tasks(node.id()).size()).sum();
    }

    private static int running(Simulation cluster) {
        return cluster.nodes().stream().map(SimNode::running).mapToInt(tasks -> tasks.size()).sum();
    }

    @Override
    public String toString() {
        return "%,d slots of %,d services on %,d nodes: %s after %d simulated ms, %d to %d a node, %d claims too many, %.1f messages and %.0f bytes a placement"
                .formatted(slots, services, nodes, placed ? "all run" : "NOT ALL RUN", tookMillis, least, most, claims - slots,
                        (double) messages / slots, (double) bytes / slots);
    }

    /** NODES SERVICES [WRITERS] [SEED] [SLOTS_A_NODE] */
    public static void main(String[] arguments) {
        int nodes = Integer.parseInt(arguments[0]);
        int services = Integer.parseInt(arguments[1]);
        int writers = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 1;
        long seed = arguments.length > 3 ? Long.parseLong(arguments[3]) : 3;
        int slotsANode = arguments.length > 4 ? Integer.parseInt(arguments[4]) : 100;
        long began = System.nanoTime();
        Simulation[] kept = new Simulation[1]; // so that its heap can be measured
        System.out.println(run(seed, nodes, services, slotsANode, writers, (cluster, millis) -> {
            kept[0] = cluster;
            System.err.printf("%s %d s of CPU time: %,d claimed, %,d run%n", millis < 0 ? "all have joined" : millis + " ms", cpuSeconds(),
                    claims(cluster), running(cluster));
        }));
        System.out.printf("  %d s, %d s of them CPU time of this thread, heap after a collection ", (System.nanoTime() - began) / 1_000_000_000L, cpuSeconds());
        System.gc();
        System.out.printf("%,d MiB with %d nodes%n", ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 20, kept[0].nodes().size());
    }

    private static long cpuSeconds() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / 1_000_000_000L;
    }
}
