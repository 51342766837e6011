package dev.starling.chaos.sim;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;

/** Chooses what goes wrong, from the simulation's seed: power cuts, killed agents, pauses, partitions of every shape, loss, delay, clocks. */
public final class Nemesis {
    private static final int KINDS = 11;

    private final Simulation cluster;
    private final RandomGenerator random;
    private final List<String> log = new ArrayList<>();
    private boolean diskLost;

    public Nemesis(Simulation cluster) {
        this.cluster = cluster;
        this.random = cluster.random();
    }

    /** One fault, or the end of some. */
    public void strike() {
        switch (random.nextInt(KINDS)) {
            case 0 -> onOne("power cut", SimNode::powerCut);
            case 1 -> onOne("agent killed", SimNode::killAgent);
            case 2 -> onOne("start", node -> {
                node.resume();
                node.start();
            });
            case 3 -> pauseOne();
            case 4 -> splitInTwo();
            case 5 -> cutOneWay();
            case 6 -> {
                double loss = random.nextDouble() * 0.3;
                told("loss " + loss);
                cluster.network().loss(loss);
                cluster.network().duplication(random.nextDouble() * 0.2);
            }
            case 7 -> {
                long delay = random.nextLong(200);
                told("delay " + delay);
                cluster.network().delay(delay, random.nextLong(100));
            }
            case 8 -> {
                long millis = random.nextLong(20_000) - 10_000;
                onOne("clock off by " + millis + " ms", node -> node.skew(millis));
            }
            case 9 -> {
                if (!diskLost && random.nextInt(4) == 0) { // what one disk alone held is gone, so one at most
                    diskLost = true;
                    onOne("disk lost", SimNode::loseDisk);
                }
            }
            default -> {
                told("links heal");
                cluster.network().heal();
            }
        }
    }

    private void onOne(String what, java.util.function.Consumer<SimNode> fault) {
        SimNode node = pick();
        told(what + " " + node);
        fault.accept(node);
    }

    private void pauseOne() {
        SimNode node = pick();
        long millis = 500 + random.nextLong(10_000);
        told("pause " + node + " for " + millis + " ms");
        node.pause();
        cluster.events().after(millis, node::resume);
    }

    private void splitInTwo() {
        List<SimNode> shuffled = new ArrayList<>(cluster.nodes());
        Collections.shuffle(shuffled, new java.util.Random(random.nextLong()));
        List<SimNode> group = shuffled.subList(0, 1 + random.nextInt(shuffled.size() - 1));
        told("partition " + group);
        cluster.partition(group);
    }

    private void cutOneWay() {
        SimNode from = pick();
        SimNode to = pick();
        if (from != to) {
            told("cut " + from + " -> " + to);
            cluster.network().cut(from.id(), to.id());
        }
    }

    private SimNode pick() {
        List<SimNode> nodes = cluster.nodes();
        return nodes.get(random.nextInt(nodes.size()));
    }

    private void told(String what) {
        log.add(cluster.now() + " ms: " + what);
    }

    /** What was done, for the message of a failed run. */
    public List<String> log() {
        return Collections.unmodifiableList(log);
    }
}
