package dev.starling.chaos.sim;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Chooses what goes wrong, from the simulation's seed: partitions of every shape, loss, doubled and reordered messages, power cuts, killed and stopped
 * agents, clocks that jump by anything between a moment and years, a disk that is lost or put back to an older copy, hosts that start nothing.
 *
 * <p>One host alone has trouble with its disk in a run. A write is acknowledged with three copies, and what the two others keep is what must survive;
 * were three disks to go back, nobody could keep it.
 */
public final class Nemesis {
    private enum Fault {
        POWER_CUT(3), BLACKOUT(1), AGENT_KILLED(3), START(6), PAUSE(3),
        HALVES(3), ONE_ALONE(2), THREE_PARTS(1), BRIDGE(1), RING(1), DEAF(2), ONE_WAY(2),
        LOSS(3), DELAY(3), CLOCK(3), DISK(4), STARTS_FAIL(2), PORT_TAKEN(1), LINKS_HEAL(5);

        private final int weight;

        Fault(int weight) {
            this.weight = weight;
        }
    }

    private static final long SECOND = 1_000;
    private static final long DAY = 86_400 * SECOND;
    private static final long[] CLOCK_JUMPS = {200, 10 * SECOND, 600 * SECOND, DAY, 3 * 365 * DAY};
    private static final int SMALL_JUMPS = 2;

    private final Simulation cluster;
    private final RandomGenerator random;
    private final List<Fault> faults = new ArrayList<>();
    private final List<String> log = new ArrayList<>();
    private final SimNode withBadDisk;
    private final int clockJumps;

    Nemesis(Simulation cluster, Turnover turnover) {
        this.cluster = cluster;
        this.random = cluster.random();
        this.withBadDisk = pick();
        this.clockJumps = turnover.losesTime() ? CLOCK_JUMPS.length : SMALL_JUMPS;
        for (Fault fault : Fault.values()) {
            if (!turnover.losesDisks() && fault == Fault.DISK) {
                continue;
            }
            faults.addAll(Collections.nCopies(fault.weight, fault));
        }
    }

    /** One fault, or the end of some. */
    public void strike() {
        Fault fault = faults.get(random.nextInt(faults.size()));
        switch (fault) {
            case POWER_CUT -> onOne("power cut", SimNode::powerCut);
            case BLACKOUT -> {
                told("power cut everywhere");
                cluster.nodes().forEach(SimNode::powerCut);
                cluster.nodes().forEach(node -> cluster.events().after(random.nextLong(8_000), node::start));
            }
            case AGENT_KILLED -> onOne("agent killed", SimNode::killAgent);
            case START -> onOne("start", node -> {
                node.resume();
                node.start();
            });
            case PAUSE -> {
                long millis = 500 + random.nextLong(10_000);
                onOne("pause of " + millis + " ms", node -> {
                    node.pause();
                    cluster.events().after(millis, node::resume);
                });
            }
            case HALVES, ONE_ALONE, THREE_PARTS, BRIDGE, RING, DEAF, ONE_WAY -> cutLinks(fault);
            case LOSS -> {
                double loss = random.nextDouble() * 0.3;
                told("loss " + loss);
                cluster.network().loss(loss);
                cluster.network().duplication(random.nextDouble() * 0.2);
            }
            case DELAY -> {
                long delay = random.nextLong(200);
                long jitter = random.nextLong(random.nextInt(4) == 0 ? 1_500 : 100); // beyond the next message's: they are reordered
                told("delay " + delay + " to " + (delay + jitter));
                cluster.network().delay(delay, jitter);
            }
            case CLOCK -> {
                long most = CLOCK_JUMPS[random.nextInt(clockJumps)];
                long millis = random.nextLong(2 * most) - most;
                onOne("clock off by " + millis + " ms", node -> node.skew(millis));
            }
            case DISK -> disk();
            case STARTS_FAIL -> {
                boolean able = random.nextInt(3) == 0;
                onOne(able ? "starts succeed again" : "starts fail", node -> node.startNothing(able ? null : "no space left on device"));
            }
            case PORT_TAKEN -> onOne("port taken by the host", node -> node.takePort("tcp/" + RandomServices.hostPort(random)));
            case LINKS_HEAL -> {
                told("links heal");
                cluster.network().heal();
            }
        }
    }

    /** Lost, copied, or put back to the copy; the copy is made more often than it is used, so that it is of any age. */
    private void disk() {
        int kind = random.nextInt(6);
        if (kind == 0) {
            told("disk lost " + withBadDisk);
            withBadDisk.loseDisk();
        } else if (kind < 4 && withBadDisk.hasBackup()) {
            told("old backup put back " + withBadDisk);
            withBadDisk.putBackDisk();
            cluster.events().after(random.nextLong(4_000), withBadDisk::start);
        } else {
            told("backup made " + withBadDisk);
            withBadDisk.backUpDisk();
        }
    }

    private void cutLinks(Fault shape) {
        List<SimNode> nodes = new ArrayList<>(cluster.nodes());
        Collections.shuffle(nodes, new java.util.Random(random.nextLong()));
        int size = nodes.size();
        switch (shape) {
            case HALVES -> {
                List<SimNode> group = nodes.subList(0, 1 + random.nextInt(size - 1));
                told("partition " + group);
                cluster.partition(group);
            }
            case ONE_ALONE -> {
                told("alone " + nodes.get(0));
                cluster.partition(nodes.subList(0, 1));
            }
            case THREE_PARTS -> {
                told("three parts " + nodes.subList(0, size / 3) + " " + nodes.subList(size / 3, 2 * size / 3));
                cluster.partition(nodes.subList(0, size / 3));
                cluster.partition(nodes.subList(size / 3, 2 * size / 3));
            }
            case BRIDGE -> {
                SimNode bridge = nodes.get(0);
                told("two halves that " + bridge + " alone sees: " + nodes.subList(1, 1 + size / 2));
                cluster.partition(nodes.subList(1, 1 + size / 2));
                nodes.subList(1, size).forEach(node -> join(bridge, node));
            }
            case RING -> {
                told("ring " + nodes);
                nodes.forEach(node -> cluster.partition(List.of(node)));
                for (int i = 0; i < size; i++) {
                    join(nodes.get(i), nodes.get((i + 1) % size));
                }
            }
            case DEAF -> {
                List<SimNode> deaf = nodes.subList(0, 1 + random.nextInt(Math.max(1, size / 2)));
                told("deaf, not mute: " + deaf);
                for (SimNode from : nodes.subList(deaf.size(), size)) {
                    deaf.forEach(to -> cluster.network().cut(from.id(), to.id()));
                }
            }
            default -> {
                told("cut " + nodes.get(0) + " -> " + nodes.get(1));
                cluster.network().cut(nodes.get(0).id(), nodes.get(1).id());
            }
        }
    }

    private void join(SimNode one, SimNode other) {
        cluster.network().restore(one.id(), other.id());
        cluster.network().restore(other.id(), one.id());
    }

    private void onOne(String what, java.util.function.Consumer<SimNode> fault) {
        SimNode node = pick();
        told(what + " " + node);
        fault.accept(node);
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
