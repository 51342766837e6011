package dev.starling.gossip.sim;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Output;
import dev.starling.gossip.Role;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordTable;
import dev.starling.gossip.record.RecordDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Many gossip machines on one virtual clock and one seeded random source, with the real codec between them. One thread; the same seed
 * replays the same run, of which {@link #trace} is the fingerprint.
 */
public final class SimCluster {
    private record Event(long at, long number, Runnable action) {}

    /** One machine and its disk. The disk outlives the machine. */
    public final class Node {
        private final int index;
        private final NodeId id;
        private Endpoint endpoint;
        private final Role role;
        private final Map<String, DesiredObject> disk = new TreeMap<>();
        private final TreeMap<String, Bytes> recordOnDisk = new TreeMap<>();
        private Gossip gossip;
        private long boot;
        private boolean running;
        private long stalledUntil;
        private long nextTick = Long.MAX_VALUE;
        public long bytesSent;
        public long messagesSent;
        public long pingsSent;
        public int copiesOfLastWrite;

        Node(int index) {
            this.index = index;
            role = index < managers ? Role.MANAGER : Role.WORKER;
            id = new NodeId("node%021d".formatted(index));
            endpoint = new Endpoint("10.0." + index / 250 + "." + (1 + index % 250), 7946);
        }

        public NodeId id() {
            return id;
        }

        public int index() {
            return index;
        }

        public void resetTraffic() {
            bytesSent = messagesSent = pingsSent = 0;
        }

        public Endpoint endpoint() {
            return endpoint;
        }

        public Gossip gossip() {
            return gossip;
        }

        public Member self() {
            return gossip.members().get(id);
        }

        public boolean isRunning() {
            return running;
        }

        /** Starts, or starts again with the next boot generation and what is on its disk. */
        public void start(List<Endpoint> seeds) {
            boot++;
            Member self = new Member(id, endpoint, role, boot, 0, MemberStatus.ALIVE);
            gossip = new Gossip(config, self, new Random(random.nextLong()), object -> null, new SimSigning(id));
            gossip.restore(disk.values(), recordOnDisk, List.of());
            running = true;
            gossip.start(seeds, now);
            settle();
        }

        private Member firstBoot() {
            return new Member(id, endpoint, role, 1, 0, MemberStatus.ALIVE).signedBy(new SimSigning(id));
        }

        /** Takes in what all know; two neighbours tell it, since a record out of its owner's mouth would be told on. */
        private void join(List<Member> members, List<RecordDelta> records) {
            boot = 1;
            gossip = new Gossip(config, firstBoot(), new Random(random.nextLong()), object -> null, new SimSigning(id));
            gossip.restore(disk.values(), new TreeMap<>(), members);
            running = true;
            int size = members.size();
            int first = (index + 1) % size;
            int second = (index + 2) % size;
            List<RecordDelta> others = new ArrayList<>(records);
            others.remove(first);
            gossip.receive(members.get(first).id(), members.get(first).role(), pushOf(others), now);
            gossip.receive(members.get(second).id(), members.get(second).role(), pushOf(List.of(records.get(first))), now);
            gossip.drain();
        }

        private static Message pushOf(List<RecordDelta> records) {
            return new Message.Push(false, new Changes(List.of(), List.of(), List.of(), records, List.of()));
        }

        /** The host gets another address; what was sent to the old one is lost. */
        public void move() {
            byEndpoint.remove(endpoint);
            endpoint = new Endpoint(endpoint.host().replaceFirst("10\\.0\\.", "10.9."), endpoint.port());
            byEndpoint.put(endpoint, this);
        }

        public void crash() {
            running = false;
            note("crash " + index);
        }

        /** Runs nothing until {@code millis} from now; what arrives meanwhile waits. */
        public void stall(long millis) {
            stalledUntil = Math.max(stalledUntil, now + millis);
        }

        public boolean isStalled() {
            return now < stalledUntil;
        }

        /** Bytes of all messages as they went over a network: see {@link Wire}. */
        public double wireBytesSent() {
            return Wire.bytes(bytesSent, messagesSent, pingsSent);
        }

        public void act(Consumer<Gossip> action) {
            action.accept(gossip);
            settle();
        }

        public void put(String key, String value) {
            recordOnDisk.put(key, Bytes.utf8(value));
            act(g -> g.put(key, Bytes.utf8(value), now));
        }

        private void settle() {
            for (Output output : gossip.drain()) {
                if (output instanceof Output.Send send) {
                    post(this, send);
                    continue;
                }
                if (tracing) {
                    note(index + " " + output);
                }
                if (output instanceof Output.DesiredChanged changed) {
                    disk.put(changed.object().uid(), changed.object());
                    at(now + 2, () -> {
                        if (running) {
                            act(g -> g.persisted(changed.object().uid(), changed.object().generation(), now));
                        }
                    });
                } else if (output instanceof Output.Replicated replicated) {
                    copiesOfLastWrite = replicated.copies();
                } else if (output instanceof Output.MemberChanged changed) {
                    memberChanges.accept(this, changed);
                }
            }
            long due = gossip.nextTick();
            if (due != nextTick) {
                nextTick = due;
                if (due != Long.MAX_VALUE) {
                    Gossip armed = gossip;
                    at(Math.max(now, due), () -> run(() -> {
                        if (gossip == armed && gossip.nextTick() <= now) {
                            nextTick = Long.MIN_VALUE;
                            gossip.tick(now);
                            settle();
                        }
                    }));
                }
            }
        }

        /** Runs {@code action} unless crashed; after the stall where there is one. */
        private void run(Runnable action) {
            if (running && now < stalledUntil) {
                at(stalledUntil, () -> run(action));
            } else if (running) {
                action.run();
            }
        }
    }

    private final GossipConfig config;
    private final int managers;
    private final Random random;
    private final MessageCodec codec;
    private final List<Node> nodes = new ArrayList<>();
    private final Map<Endpoint, Node> byEndpoint = new HashMap<>();
    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::number));
    private final SimNetwork network = new SimNetwork();
    private BiConsumer<Node, Output.MemberChanged> memberChanges = (node, changed) -> { };
    private long eventNumber;
    private long now = 1_000;
    private long trace;
    private boolean tracing = true;

    public SimCluster(int size, long seed, GossipConfig config) {
        this(size, Integer.MAX_VALUE, seed, config);
    }

    /** The first {@code managers} are managers, the rest workers. */
    public SimCluster(int size, int managers, long seed, GossipConfig config) {
        this.config = config;
        this.managers = managers;
        random = new Random(seed);
        codec = new MessageCodec(config.maxMessageBytes());
        for (int i = 0; i < size; i++) {
            Node node = new Node(i);
            nodes.add(node);
            byEndpoint.put(node.endpoint, node);
        }
        if (managers < size) { // a worker's word of a node that is news counts only where a manager has enrolled it
            List<DesiredObject> documents = nodes.stream().map(node -> document(node.id)).toList();
            nodes.forEach(node -> documents.forEach(document -> node.disk.put(document.uid(), document)));
        }
    }

    private static DesiredObject document(NodeId node) {
        HybridTime time = HybridTime.of(1, 0);
        return new DesiredObject(Kind.NODE, node.value(), time, 1, time, node, false, Bytes.EMPTY, Bytes.EMPTY, Bytes.EMPTY);
    }

    /** {@code size} nodes that know each other and agree. */
    public static SimCluster settled(int size, long seed, GossipConfig config) {
        SimCluster cluster = new SimCluster(size, seed, config);
        cluster.startAll();
        if (!cluster.runUntil(cluster::agrees, 60_000)) {
            throw new AssertionError("seed " + seed + ": " + size + " nodes did not come to agree within 60 s");
        }
        return cluster;
    }

    /**
     * {@code size} nodes that know each other and each other's empty records from the outset, as they would after a long time together; they
     * began within one probe interval. For large clusters, where how they came together is not what is asked. Untraced: it costs too much there.
     */
    public static SimCluster converged(int size, long seed, GossipConfig config) {
        return converged(size, Integer.MAX_VALUE, seed, config);
    }

    public static SimCluster converged(int size, int managers, long seed, GossipConfig config) {
        SimCluster cluster = new SimCluster(size, managers, seed, config);
        cluster.tracing = false;
        List<Member> members = cluster.nodes.stream().map(Node::firstBoot).toList();
        List<RecordDelta> records = cluster.nodes.stream().map(node -> new RecordTable(node.id, 1, new SimSigning(node.id), id -> Bytes.EMPTY).since(new RecordDigest(node.id, 0, 0), 1_000)).toList();
        for (Node node : cluster.nodes) {
            node.join(members, records);
            cluster.at(cluster.now + cluster.random.nextLong(config.probeInterval().toMillis()), () -> node.act(g -> g.start(List.of(), cluster.now)));
        }
        cluster.runFor(5_000);
        if (!cluster.agrees()) {
            throw new AssertionError("seed " + seed + ": " + size + " nodes that agreed do so no longer");
        }
        return cluster;
    }

    public void startAll() {
        nodes.forEach(node -> node.start(List.of(nodes.get(0).endpoint)));
    }

    public List<Node> nodes() {
        return nodes;
    }

    public Node node(int index) {
        return nodes.get(index);
    }

    public SimNetwork network() {
        return network;
    }

    public Random random() {
        return random;
    }

    public long now() {
        return now;
    }

    public long trace() {
        return trace;
    }

    public void onMemberChanged(BiConsumer<Node, Output.MemberChanged> listener) {
        memberChanges = listener;
    }

    public void at(long time, Runnable action) {
        events.add(new Event(time, eventNumber++, action));
    }

    public void runFor(long millis) {
        runUntil(() -> false, millis);
    }

    /** True where {@code condition} came to hold within {@code limitMillis}; looked at every 10 ms. */
    public boolean runUntil(BooleanSupplier condition, long limitMillis) {
        long end = now + limitMillis;
        while (!condition.getAsBoolean()) {
            if (now >= end) {
                return false;
            }
            long until = Math.min(end, now + 10);
            while (!events.isEmpty() && events.peek().at <= until) {
                Event event = events.poll();
                now = Math.max(now, event.at);
                event.action.run();
            }
            now = until;
        }
        return true;
    }

    /** All running nodes know the same, and that includes each of them as up. */
    public boolean agrees() {
        List<Node> running = nodes.stream().filter(Node::isRunning).toList();
        long view = running.get(0).gossip.viewFingerprint();
        return running.stream().allMatch(node -> node.gossip.viewFingerprint() == view)
                && running.stream().allMatch(node -> considersUp(running.get(0), node));
    }

    public boolean considersUp(Node observer, Node subject) {
        Member member = observer.gossip.members().get(subject.id);
        return member != null && member.status().isUp();
    }

    public boolean allConsiderDead(Node subject) {
        return nodes.stream().filter(Node::isRunning).allMatch(node -> {
            Member member = node.gossip.members().get(subject.id);
            return member != null && member.status() == MemberStatus.DEAD;
        });
    }

    private void post(Node from, Output.Send send) {
        byte[] bytes = codec.encode(send.message());
        from.bytesSent += bytes.length;
        from.messagesSent++;
        if (send.message() instanceof Message.Ping) {
            from.pingsSent++;
        }
        if (tracing) {
            trace = (trace * 31 + now) * 31 + from.index * 31L + Arrays.hashCode(bytes);
        }
        Node to = byEndpoint.get(send.to());
        long latency = random.nextLong(network.minLatencyMillis(), network.maxLatencyMillis() + 1);
        boolean lost = random.nextDouble() < network.loss();
        if (to == null || lost || !network.connects(from.index, to.index)) {
            return;
        }
        at(now + latency, () -> to.run(() -> {
            to.gossip.receive(from.id, from.role, codec.decode(bytes), now);
            to.settle();
        }));
    }

    private void note(String what) {
        trace = trace * 31 + (now + " " + what).hashCode();
    }
}
