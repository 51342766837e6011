package dev.starling.chaos.sim;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.NodeInvariant;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Refusal;
import dev.starling.gossip.Role;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.node.core.NodeEffect;
import dev.starling.scheduler.RebalanceConfig;
import dev.starling.scheduler.SchedulerConfig;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.Resources;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * A cluster in one thread and virtual time: the product's own cores and codec over a simulated network, kernel, disk and clock. Everything
 * random comes from one seed, so a seed replays a run exactly.
 *
 * <pre>
 *   Simulation cluster = new Simulation(42);
 *   cluster.addNodes(5);
 *   cluster.startAll();
 *   cluster.nodes().get(0).operate((node, now) -> node.create(Kind.SERVICE, null, ...));
 *   cluster.runUntil(() -> cluster.running("web") == 10, 30_000);
 * </pre>
 */
public final class Simulation {
    /** 2026-01-01, so that hybrid times look like those of a real node. */
    public static final long EPOCH_MILLIS = 1_767_225_600_000L;

    private static final long CHECK_MILLIS = 100;
    private static final int MAX_SEEDS = 3;
    private static final Resources CAPACITY = new Resources(4_000_000_000L, 4L << 30,
            GenericResources.of(new TreeMap<>(Map.of("camera", 3L)), new TreeMap<>(Map.of("gpu", new TreeSet<>(List.of("A", "B"))))));

    private final long seed;
    private final GossipConfig gossipConfig;
    private final RandomGenerator random;
    private final EventQueue events = new EventQueue();
    private final SimNetwork network;
    private final TreeMap<NodeId, SimNode> nodes = new TreeMap<>();
    /** Those that were removed too. */
    private final TreeMap<NodeId, SimNode> nodesEver = new TreeMap<>();
    private final Hardware hardware;
    private final List<NodeInvariant> always = new ArrayList<>();
    private final List<Invariant> periodic = new ArrayList<>();
    private final TreeMap<NodeId, SimNode> touched = new TreeMap<>();
    private final TreeMap<String, Long> acknowledged = new TreeMap<>();
    private final List<Sighting> sightings = new ArrayList<>();
    private Wire wire;
    private SchedulerConfig schedulerConfig = SchedulerConfig.defaults();
    private long nextCheck;

    public Simulation(long seed) {
        this(seed, GossipConfig.lan());
    }

    public Simulation(long seed, GossipConfig gossipConfig) {
        this(seed, gossipConfig, Hardware.SOUND);
    }

    Simulation(long seed, GossipConfig gossipConfig, Hardware hardware) {
        this.seed = seed;
        this.hardware = hardware;
        this.gossipConfig = gossipConfig;
        this.wire = new Wire.Encoded(new MessageCodec(gossipConfig.maxMessageBytes()));
        this.random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        this.network = new SimNetwork(events, split());
    }

    private RandomGenerator split() {
        return RandomGeneratorFactory.of("L64X128MixRandom").create(random.nextLong());
    }

    public long seed() {
        return seed;
    }

    /** For the choices of a scenario, so that they replay too. */
    public RandomGenerator random() {
        return random;
    }

    public SimNetwork network() {
        return network;
    }

    /** Virtual milliseconds since the beginning. */
    public long now() {
        return events.now();
    }

    public long processedEvents() {
        return events.processed();
    }

    EventQueue events() {
        return events;
    }

    Hardware hardware() {
        return hardware;
    }

    Wire wire() {
        return wire;
    }

    /** Before nodes start: they share what is immutable in the messages between them ({@link Wire.Shared}), for clusters whose state would not fit into memory once for each node. */
    public void shareMessages() {
        wire = new Wire.Shared(new MessageCodec(gossipConfig.maxMessageBytes()));
    }

    GossipConfig gossipConfig() {
        return gossipConfig;
    }

    SchedulerConfig schedulerConfig() {
        return schedulerConfig;
    }

    /** Of nodes that start from now on: tasks move as soon as a service has been uneven for so long. */
    public void rebalanceAfter(Duration after, Duration pause) {
        SchedulerConfig d = SchedulerConfig.defaults();
        schedulerConfig = new SchedulerConfig(d.beat(), d.duplicateGrace(), d.lease(),
                new RebalanceConfig(after, pause, d.rebalance().limit()));
    }

    /** Simulated nodes are honest: what one refuses of another is a fault of ours. */
    void refused(SimNode by, NodeEffect.Refused refused) {
        if (refused.reason().isForgery()) {
            throw new AssertionError(by.id() + " refused what " + refused.teller() + " told at " + events.now() + " ms: " + refused.reason()
                    + "\n  replay with seed " + seed);
        }
    }

    public void addNodes(int count) {
        for (int i = 0; i < count; i++) {
            addNode(Role.MANAGER, CAPACITY);
        }
    }

    public SimNode addNode(Role role, Resources capacity) {
        int number = nodesEver.size() + 1;
        NodeId id = new NodeId(String.format("n%04d", number));
        SimNode node = new SimNode(this, id, role, new Endpoint("10.1." + number / 250 + "." + (number % 250 + 1), 7946), capacity, split());
        nodes.put(id, node);
        nodesEver.put(id, node);
        network.attach(node);
        return node;
    }

    /** One more, which starts and asks to be enrolled at {@code manager}. */
    public SimNode join(Role role, SimNode manager) {
        SimNode node = addNode(role, CAPACITY);
        node.start();
        enrol(node, manager);
        return node;
    }

    /** The node is taken away for good, and an operator says so at {@code manager} ({@code docker node rm}). */
    public void remove(SimNode node, SimNode manager) {
        node.scrap();
        nodes.remove(node.id());
        manager.operate((core, now) -> core.delete(node.id().value(), now));
    }

    /** Those that were removed too. */
    public Collection<SimNode> nodesEver() {
        return Collections.unmodifiableCollection(nodesEver.values());
    }

    /** In the order of their ids. */
    public List<SimNode> nodes() {
        return List.copyOf(nodes.values());
    }

    public SimNode node(NodeId id) {
        return nodes.get(id);
    }

    public List<SimNode> upNodes() {
        return nodes.values().stream().filter(SimNode::isUp).toList();
    }

    /** Starts all, and enrols them at the first, as a join does. */
    public void startAll() {
        nodes.values().forEach(SimNode::start);
        nodes.values().forEach(this::enrol);
    }

    /** At the first node, as a join does. */
    public void enrol(SimNode node) {
        enrol(node, nodes.firstEntry().getValue());
    }

    void enrol(SimNode node, SimNode manager) {
        manager.operate((core, now) -> core.create(Kind.NODE, node.id().value(), nodeBody(node.role()), now));
    }

    private static ObjectNode nodeBody(Role role) {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        body.putObject("Spec").put("Availability", "active").put("Role", role == Role.MANAGER ? "manager" : "worker").putObject("Labels");
        return body;
    }

    Collection<Endpoint> seedsFor(SimNode node) {
        List<Endpoint> seeds = new ArrayList<>();
        for (SimNode other : nodes.values()) {
            if (other != node && seeds.size() < MAX_SEEDS) {
                seeds.add(other.endpoint());
            }
        }
        return Collections.unmodifiableList(seeds);
    }

    /** Checked after every event from now on, for the node that it changed. */
    public void always(NodeInvariant invariant) {
        always.add(invariant);
    }

    /** From now on it may be broken: what it is about is over. */
    public void noLonger(NodeInvariant invariant) {
        always.remove(invariant);
    }

    /** Checked every 100 virtual milliseconds from now on: for what compares nodes with each other. */
    public void periodically(Invariant invariant) {
        periodic.add(invariant);
    }

    void touched(SimNode node) {
        if (!always.isEmpty()) {
            touched.put(node.id(), node);
        }
    }

    void wrote(SimNode node, NodeEffect.PersistRecord write) {
        if (!always.isEmpty()) {
            write.task().ifPresent(task -> always.forEach(invariant -> invariant.wrote(node, task)));
        }
    }

    void diskLost(SimNode node) {
        always.forEach(invariant -> invariant.forget(node));
    }

    /** After every input of a node, and every event. */
    void checkTouched() {
        for (Map.Entry<NodeId, SimNode> next = touched.pollFirstEntry(); next != null; next = touched.pollFirstEntry()) {
            for (NodeInvariant invariant : always) {
                invariant.violation(this, next.getValue()).ifPresent(violation -> fail(invariant.name(), violation));
            }
        }
    }

    /** @throws AssertionError where {@code invariant} does not hold now */
    public void check(Invariant invariant) {
        invariant.violation(this).ifPresent(violation -> fail(invariant.name(), violation));
    }

    private void fail(String invariant, String violation) {
        throw new AssertionError(invariant + " is violated at " + events.now() + " ms: " + violation + "\n  replay with seed " + seed);
    }

    /** Lets the cluster come to rest: until all of {@code invariants} hold. @throws AssertionError where they do not within the limit */
    public void settle(List<Invariant> invariants, long limitMillis) {
        if (!runUntil(() -> invariants.stream().allMatch(invariant -> invariant.holds(this)), limitMillis)) {
            invariants.forEach(this::check);
        }
    }

    public void runFor(long millis) {
        runUntil(() -> false, millis);
    }

    /** @return whether {@code condition} came true within {@code limitMillis} */
    public boolean runUntil(BooleanSupplier condition, long limitMillis) {
        long end = events.now() + limitMillis;
        while (!condition.getAsBoolean()) {
            long checkpoint = Math.min(end, events.now() + CHECK_MILLIS);
            while (events.next() <= checkpoint) {
                events.step();
                checkTouched();
            }
            events.advancedTo(checkpoint);
            if (events.now() >= nextCheck) {
                nextCheck = events.now() + CHECK_MILLIS;
                periodic.forEach(this::check);
            }
            if (checkpoint >= end) {
                return condition.getAsBoolean();
            }
        }
        return true;
    }

    /** Cuts all links between {@code group} and the rest, both ways. */
    public void partition(Collection<SimNode> group) {
        for (SimNode inside : group) {
            for (SimNode outside : nodes.values()) {
                if (!group.contains(outside)) {
                    network.cut(inside.id(), outside.id());
                    network.cut(outside.id(), inside.id());
                }
            }
        }
    }

    /** Ends every fault: all links, all nodes on, no one paused, every host able. */
    public void heal() {
        network.heal();
        for (SimNode node : nodes.values()) {
            node.startNothing(null);
            node.resume();
            node.start();
            node.skew(0);
            node.freePorts();
        }
    }

    void replicated(String uid, long generation, int copies) {
        if (copies >= Math.min(3, nodes.size())) {
            acknowledged.merge(uid, generation, Math::max);
        }
    }

    /** uid -> the highest generation that an operator was told is kept. */
    public TreeMap<String, Long> acknowledged() {
        return acknowledged;
    }

    /**
     * A node has learned of a change of another one's state.
     *
     * @param status null: it has forgotten the node
     */
    public record Sighting(long atMillis, NodeId observer, NodeId of, MemberStatus status) {
        @Override
        public String toString() {
            return atMillis + " " + observer + (status == null ? " forgets " + of : " sees " + of + " " + status);
        }
    }

    void memberChanged(SimNode observer, Member before, Member now) {
        if (now == null) {
            sightings.add(new Sighting(events.now(), observer.id(), before.id(), null));
        } else if (before == null || before.status() != now.status()) {
            sightings.add(new Sighting(events.now(), observer.id(), now.id(), now.status()));
        }
    }

    /** {@link #sightings} as lines of text: equal for equal seeds. */
    public List<String> memberTrace() {
        return sightings.stream().map(Sighting::toString).toList();
    }

    /** Who saw whom change its state, and when. */
    public List<Sighting> sightings() {
        return Collections.unmodifiableList(sightings);
    }
}
