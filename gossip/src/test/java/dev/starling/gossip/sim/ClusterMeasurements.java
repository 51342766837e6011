package dev.starling.gossip.sim;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.member.MemberStatus;
import java.util.ArrayList;
import java.util.List;

/**
 * The numbers of docs/GOSSIP.md, profile lan. Each takes the cluster's size and how much of it to measure, so that the tests run a little
 * of what {@link #main} runs at length; bench/gossip-scale.sh starts that.
 */
public final class ClusterMeasurements {
    private static final GossipConfig LAN = GossipConfig.lan();

    /** What was measured, in milliseconds, least first. */
    public record Times(List<Long> sorted) {
        static Times of(List<Long> millis) {
            return new Times(millis.stream().sorted().toList());
        }

        /** The least value that {@code share} of all do not exceed. */
        public long quantile(double share) {
            return sorted.get((int) Math.ceil(share * sorted.size()) - 1);
        }

        @Override
        public String toString() {
            return "median %d ms, p99 %d ms, max %d ms (n = %d)".formatted(quantile(0.5), quantile(0.99), quantile(1), sorted.size());
        }
    }

    /**
     * A node crashes: until all others hold it for dead. It comes back before the next does. A death that a manager tells counts at once, one that a
     * worker tells as its accusation: with no managers each node finds out for itself.
     */
    public static Times crash(int size, int managers, int clusters, int crashesPerCluster, long seed) {
        List<Long> times = new ArrayList<>();
        for (int run = 0; run < clusters; run++) {
            SimCluster cluster = SimCluster.converged(size, managers, seed + run, LAN);
            for (int crash = 0; crash < crashesPerCluster; crash++) {
                cluster.runFor(1_000 + cluster.random().nextInt(1_000));
                SimCluster.Node victim = cluster.node(cluster.random().nextInt(size));
                victim.crash();
                long begun = cluster.now();
                await(cluster.runUntil(() -> cluster.allConsiderDead(victim), 60_000), "the crash is known to all");
                times.add(cluster.now() - begun);
                victim.start(List.of(cluster.node((victim.index() + 1) % size).endpoint()));
                await(cluster.runUntil(cluster::agrees, 60_000), "agreement after the return");
            }
        }
        return Times.of(times);
    }

    /** A node changes a key of its record: until all others have it. */
    public static Times change(int size, int changes, long seed) {
        SimCluster cluster = SimCluster.converged(size, seed, LAN);
        List<Long> times = new ArrayList<>();
        for (int change = 0; change < changes; change++) {
            SimCluster.Node source = cluster.node(cluster.random().nextInt(size));
            Bytes value = Bytes.utf8("value " + change);
            source.put("key", "value " + change);
            long begun = cluster.now();
            await(cluster.runUntil(() -> cluster.nodes().stream()
                    .allMatch(node -> value.equals(node.gossip().records().of(source.id()).get("key"))), 60_000), "the change is known to all");
            times.add(cluster.now() - begun);
            cluster.runFor(200);
        }
        return Times.of(times);
    }

    /** What happened under loss and stalls. {@code deaths}: beliefs of one node that another, which lived, is dead. */
    public record Stalls(long stalls, long suspicions, List<String> deaths) {}

    /** 5 % loss; each node stalls 2 s at random times, once a minute on average. */
    public static Stalls stalls(int size, long seconds, long seed) {
        SimCluster cluster = SimCluster.converged(size, seed, LAN);
        List<String> deaths = new ArrayList<>();
        long[] counts = new long[2];
        cluster.onMemberChanged((node, changed) -> {
            if (changed.now() != null && changed.now().status() == MemberStatus.DEAD) {
                deaths.add(cluster.now() + ": " + node.id() + " holds " + changed.now() + " for dead");
            } else if (changed.now() != null && changed.now().status() == MemberStatus.SUSPECT) {
                counts[1]++;
            }
        });
        cluster.network().loss(0.05);
        for (SimCluster.Node node : cluster.nodes()) {
            for (long at = cluster.random().nextLong(120_000); at < seconds * 1000; at += 2_000 + cluster.random().nextLong(116_000)) {
                cluster.at(cluster.now() + at, () -> node.stall(2_000));
                counts[0]++;
            }
        }
        cluster.runFor(seconds * 1000);
        return new Stalls(counts[0], counts[1], deaths);
    }

    /** Nothing happens: per node and second. */
    public record Idle(double messages, double payloadBytes, double wireBytes, double mostWireBytes) {}

    public static Idle idle(int size, long seconds, long seed) {
        SimCluster cluster = SimCluster.converged(size, seed, LAN);
        cluster.runFor(10_000);
        cluster.nodes().forEach(SimCluster.Node::resetTraffic);
        cluster.runFor(seconds * 1000);
        double perNode = 1.0 / seconds / size;
        return new Idle(cluster.nodes().stream().mapToLong(node -> node.messagesSent).sum() * perNode,
                cluster.nodes().stream().mapToLong(node -> node.bytesSent).sum() * perNode,
                cluster.nodes().stream().mapToDouble(SimCluster.Node::wireBytesSent).sum() * perNode,
                cluster.nodes().stream().mapToDouble(SimCluster.Node::wireBytesSent).max().orElseThrow() / seconds);
    }

    /** All nodes start at once through one seed. */
    public record Join(long millis, double messagesPerNode, double payloadBytesPerNode) {}

    public static Join join(int size, long seed) {
        SimCluster cluster = new SimCluster(size, seed, LAN);
        cluster.startAll();
        long begun = cluster.now();
        await(cluster.runUntil(cluster::agrees, 60_000), "agreement");
        return new Join(cluster.now() - begun, cluster.nodes().stream().mapToLong(node -> node.messagesSent).sum() / (double) size,
                cluster.nodes().stream().mapToLong(node -> node.bytesSent).sum() / (double) size);
    }

    /** Arguments: what to measure, and its numbers; see bench/gossip-scale.sh. */
    public static void main(String[] args) {
        long begun = System.nanoTime();
        int size = Integer.parseInt(args[1]);
        int count = args.length > 2 ? Integer.parseInt(args[2]) : 1;
        switch (args[0]) {
            case "crash" -> {
                int managers = args.length > 3 ? Integer.parseInt(args[3]) : 3;
                System.out.println("crash known to all of " + size + ", " + managers + " of them managers: " + crash(size, managers, (count + 9) / 10, 10, 1_000));
            }
            case "change" -> System.out.println("change known to all of " + size + ": " + change(size, count, 2_000));
            case "stalls" -> {
                for (int seed = 1; seed <= count; seed++) {
                    Stalls stalls = stalls(size, 3_600, seed);
                    System.out.println("an hour of " + size + " nodes, 5 % loss, seed " + seed + ": " + stalls.stalls() + " stalls of 2 s, "
                            + stalls.suspicions() + " suspicions held, deaths " + stalls.deaths().size() + stalls.deaths().stream().limit(3).toList());
                }
            }
            case "idle" -> {
                Idle idle = idle(size, count, 3_000);
                System.out.printf("idle,%d,%.2f,%.0f,%.0f,%.0f%n", size, idle.messages(), idle.payloadBytes(), idle.wireBytes(), idle.mostWireBytes());
            }
            case "join" -> System.out.println("join of " + size + " at once: " + join(size, 4_000));
            default -> throw new IllegalArgumentException("crash, change, stalls, idle or join, not '" + args[0] + "'");
        }
        System.err.printf("  (%s: %.1f s)%n", String.join(" ", args), (System.nanoTime() - begun) / 1e9);
    }

    private static void await(boolean came, String what) {
        if (!came) {
            throw new AssertionError(what + ": not within 60 s");
        }
    }

    private ClusterMeasurements() {}
}
