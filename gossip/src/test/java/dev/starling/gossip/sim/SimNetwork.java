package dev.starling.gossip.sim;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** What the simulated network does to messages between nodes, by index. Changed by a test while the simulation runs. */
public final class SimNetwork {
    private double loss;
    private long minLatencyMillis = 1;
    private long maxLatencyMillis = 3;
    private Set<Integer> oneSide = new TreeSet<>();
    private final Set<List<Integer>> cut = new HashSet<>();

    public void loss(double probability) {
        loss = probability;
    }

    public void latency(long minMillis, long maxMillis) {
        minLatencyMillis = minMillis;
        maxLatencyMillis = maxMillis;
    }

    /** Cuts {@code side} off from all other nodes. */
    public void partition(Set<Integer> side) {
        oneSide = new TreeSet<>(side);
    }

    /** Messages of {@code from} no longer reach {@code to}; those of {@code to} still reach {@code from}. */
    public void cut(int from, int to) {
        cut.add(List.of(from, to));
    }

    public void heal() {
        oneSide.clear();
        cut.clear();
    }

    double loss() {
        return loss;
    }

    long minLatencyMillis() {
        return minLatencyMillis;
    }

    long maxLatencyMillis() {
        return maxLatencyMillis;
    }

    boolean connects(int from, int to) {
        return oneSide.contains(from) == oneSide.contains(to) && !cut.contains(List.of(from, to));
    }
}
