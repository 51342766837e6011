package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.View;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * N schedulers in one thread, over a simulated network that delays each record and can be cut, with containers that are faked strictly.
 * After every tick it checks what must always hold: no node runs more than its capacity, no host port twice on a node, every task was put
 * before it was started, and a second step with nothing changed does nothing.
 */
final class Cluster {
    private static final long TICK = 10;
    private static final long DETECTION_MILLIS = 2_000;
    /** Of what a cluster at rest does not wait for: that a service has been uneven long enough to be evened out. */
    private static final long LONGEST_WAIT_MILLIS = 60_000;

    /** One node: its scheduler, its containers, what it has published and what it has heard of the others. */
    final class Host {
        final NodeId id;
        Scheduler scheduler;
        final FakeContainers containers;
        NodeView spec;
        boolean alive = true;
        final SortedMap<String, Task> recordTasks = new TreeMap<>();
        final SortedMap<Slot, Refusal> recordRefusals = new TreeMap<>();
        final SortedMap<String, List<BlockClaim>> recordBlocks = new TreeMap<>();
        final SortedMap<String, CompletedWork> recordCompleted = new TreeMap<>();
        boolean removed;
        private final List<Published> published = new ArrayList<>();
        private final SortedMap<NodeId, Published> heard = new TreeMap<>();
        private final SortedMap<NodeId, Long> heardAt = new TreeMap<>();
        private final SortedMap<String, ServiceSpec> services = new TreeMap<>();
        private final SortedMap<String, Version> versions = new TreeMap<>();
        private View lastView;

        Host(NodeView spec) {
            this.spec = spec;
            this.id = spec.id();
            this.containers = new FakeContainers(id);
            this.scheduler = new Scheduler(id, config, new Random(seed ^ id.value().hashCode()));
        }

        Time time() {
            return new Time(now, 1_700_000_000_000L + now);
        }

        void carryOut(List<Effect> effects) {
            for (Effect effect : effects) {
                effectCount++;
                if (effect instanceof Effect.PutTask put) {
                    recordTasks.put(put.task().id(), put.task());
                } else if (effect instanceof Effect.DropTask drop) {
                    containers.drop(drop.task());
                    check(recordTasks.remove(drop.task().id()) != null, "dropped what is not there: " + drop);
                } else if (effect instanceof Effect.PutRefusal put) {
                    recordRefusals.put(put.refusal().slot(), put.refusal());
                } else if (effect instanceof Effect.DropRefusal drop) {
                    check(recordRefusals.remove(drop.slot()) != null, "dropped what is not there: " + drop);
                } else if (effect instanceof Effect.PutBlocks put) {
                    recordBlocks.put(put.networkUid(), put.blocks());
                } else if (effect instanceof Effect.PutCompleted put) {
                    recordCompleted.put(put.work().serviceUid(), put.work());
                } else if (effect instanceof Effect.DropCompleted drop) {
                    check(recordCompleted.remove(drop.serviceUid()) != null, "dropped what is not there: " + drop);
                } else if (effect instanceof Effect.AmendService amend) {
                    amend(this, amend);
                } else if (effect instanceof Effect.Start start) {
                    check(start.task().equals(recordTasks.get(start.task().id())), "started before it was put: " + start);
                    containers.start(start.task(), now);
                } else if (effect instanceof Effect.Stop stop) {
                    containers.stop(stop.task(), now);
                }
            }
            if (!effects.isEmpty()) {
                published.add(new Published(published.size() + 1, now, List.copyOf(recordTasks.values()), List.copyOf(recordRefusals.values()),
                        recordBlocks.values().stream().flatMap(List::stream).toList(), List.copyOf(recordCompleted.values())));
            }
        }

        View view() {
            SortedMap<NodeId, NodeView> nodes = new TreeMap<>();
            SortedMap<NodeId, List<Task>> tasks = new TreeMap<>();
            SortedMap<NodeId, List<Refusal>> refusals = new TreeMap<>();
            SortedMap<NodeId, List<BlockClaim>> blocks = new TreeMap<>();
            SortedMap<NodeId, List<CompletedWork>> completed = new TreeMap<>();
            for (Host other : hosts) {
                if (other.removed) {
                    continue;
                }
                boolean ready = other == this || now - heardAt.getOrDefault(other.id, 0L) <= DETECTION_MILLIS;
                nodes.put(other.id, Given.ready(other.spec, ready));
                Published record = other == this ? (published.isEmpty() ? null : published.get(published.size() - 1)) : heard.get(other.id);
                if (record != null) {
                    tasks.put(other.id, record.tasks);
                    refusals.put(other.id, record.refusals);
                    blocks.put(other.id, record.blocks);
                    completed.put(other.id, record.completed);
                }
            }
            SortedMap<NodeId, List<ServiceLoad>> loads = new TreeMap<>(load.apply(Cluster.this));
            return new View(nodes, new TreeMap<>(services), new TreeMap<>(networks), tasks, refusals, blocks, completed, loads, taskHistoryLimit);
        }

        void tick() {
            for (TaskReport report : containers.reportsAt(now)) {
                carryOut(scheduler.report(report, time()));
            }
            View view = view();
            if (!view.equals(lastView) || scheduler.nextStep() <= now) {
                lastView = view;
                carryOut(scheduler.step(view, time()));
                steps++;
                check(scheduler.step(view, time()).isEmpty(), "a second step did something");
                check(scheduler.nextStep() > now, "a step did not settle");
            }
        }

        /** The agent ends and starts again; its containers live on. */
        void restartAgent() {
            scheduler = new Scheduler(id, config, new Random(seed + now));
            scheduler.restore(recordTasks.values(), recordRefusals.values(), recordBlocks.values().stream().flatMap(List::stream).toList(),
                    recordCompleted.values());
            for (Task task : List.copyOf(recordTasks.values())) {
                if (!task.state().isTerminal()) {
                    boolean there = containers.alive().containsKey(task.id());
                    carryOut(scheduler.report(new TaskReport(task.id(), there ? TaskState.RUNNING : TaskState.FAILED,
                            there ? "started" : "container is gone", "", -1, "container-" + task.id(), 0), time()));
                }
            }
            lastView = null;
        }
    }

    private record Published(int version, long at, List<Task> tasks, List<Refusal> refusals, List<BlockClaim> blocks,
            List<CompletedWork> completed) {}

    /** Of a service's document, as registers are ordered: an operator's write before any amendment of an earlier one. */
    private record Version(long generation, int amendments, String writer) implements Comparable<Version> {
        @Override
        public int compareTo(Version other) {
            return Comparator.comparingLong(Version::generation).thenComparingInt(Version::amendments).thenComparing(Version::writer).compare(this, other);
        }
    }

    private record Arrival(long at, Host from, Host host, ServiceSpec service, Version version, String removed) {}

    final List<Host> hosts = new ArrayList<>();
    private final SortedMap<String, NetworkSpec> networks = new TreeMap<>();
    private final List<Arrival> arrivals = new ArrayList<>();
    private final SortedSet<String> cuts = new TreeSet<>();
    private final SchedulerConfig config;
    private final long seed;
    private final Random random;
    private final long minDelay;
    private final long maxDelay;
    private final SortedMap<String, Long> delays = new TreeMap<>();
    int taskHistoryLimit = View.DEFAULT_TASK_HISTORY_LIMIT;
    long now = 10_000;
    int effectCount;
    int steps;
    Consumer<Cluster> invariant = cluster -> {};
    /** What the tasks of autoscaled services use now, as every node sees it. */
    Function<Cluster, SortedMap<NodeId, List<ServiceLoad>>> load = cluster -> new TreeMap<>();
    final List<Amendment> amendments = new ArrayList<>();
    /** The spec before the last one that an operator wrote. */
    private final SortedMap<String, List<ServiceSpec>> written = new TreeMap<>();

    Cluster(int size, long seed, long minDelay, long maxDelay) {
        this(size, seed, minDelay, maxDelay, SchedulerConfig.defaults(), UnaryOperator.identity());
    }

    Cluster(int size, long seed, long minDelay, long maxDelay, SchedulerConfig config, UnaryOperator<NodeView> shape) {
        this.config = config;
        this.seed = seed;
        this.random = new Random(seed);
        this.minDelay = minDelay;
        this.maxDelay = maxDelay;
        for (int i = 1; i <= size; i++) {
            hosts.add(new Host(shape.apply(Given.node(i))));
        }
        exchange();
    }

    /** Records arrive 20 ms later everywhere. */
    static Cluster of(int size) {
        return new Cluster(size, 1, 20, 20);
    }

    Host host(int number) {
        return hosts.get(number - 1);
    }

    void deploy(Given.Service service) {
        ServiceSpec spec = written(service);
        hosts.forEach(host -> arrivals.add(new Arrival(now + delay(), null, host, spec, new Version(spec.generation(), 0, ""), null)));
    }

    /** An operator writes it at one node; the others hear of it as far as they are in reach of that one. */
    void deployAt(int number, Given.Service service) {
        ServiceSpec spec = written(service);
        spread(host(number), spec, new Version(spec.generation(), 0, ""));
    }

    private ServiceSpec written(Given.Service service) {
        ServiceSpec spec = service.spec();
        written.computeIfAbsent(spec.uid(), uid -> new ArrayList<>()).add(spec);
        return spec;
    }

    private void spread(Host from, ServiceSpec spec, Version version) {
        hosts.forEach(host -> arrivals.add(new Arrival(host == from ? now : now + Math.max(TICK, delay()), from, host, spec, version, null)));
    }

    private void amend(Host host, Effect.AmendService amend) {
        ServiceSpec spec = host.services.get(amend.serviceUid());
        if (spec != null && spec.generation() == amend.generation()) {
            amendments.add(amend.amendment());
            List<ServiceSpec> all = written.get(spec.uid());
            ServiceSpec previous = all.stream().filter(older -> older.generation() < spec.generation()).reduce((first, second) -> second).orElse(null);
            Version version = host.versions.get(spec.uid());
            spread(host, Given.amended(spec, previous, amend.amendment()), new Version(version.generation, version.amendments + 1, host.id.value()));
        }
    }

    /** The others have it at once, as far as there is such a thing; {@code number} only after {@code millis}. */
    void deployLateAt(int number, long millis, Given.Service service) {
        ServiceSpec spec = written(service);
        hosts.forEach(host -> arrivals.add(new Arrival(now + (host == host(number) ? millis : delay()), null, host, spec,
                new Version(spec.generation(), 0, ""), null)));
    }

    void remove(String serviceUid) {
        hosts.forEach(host -> arrivals.add(new Arrival(now + delay(), null, host, null, null, serviceUid)));
    }

    void add(NetworkSpec network) {
        networks.put(network.uid(), network);
    }

    void change(int number, UnaryOperator<NodeView> change) {
        host(number).spec = change.apply(host(number).spec);
    }

    void powerCut(int number) {
        host(number).alive = false;
        host(number).containers.loseAll();
    }

    /** {@code docker node rm} of one that is down: nobody has its record any more. */
    void removeNode(int number) {
        check(!host(number).alive, "removed while it is up");
        host(number).removed = true;
    }

    void powerOn(int number) {
        host(number).alive = true;
        host(number).restartAgent();
    }

    /** Hosts 1 to {@code lastOfFirst} no longer reach the rest. */
    void cutAfter(int lastOfFirst) {
        for (int i = 0; i < hosts.size(); i++) {
            for (int j = 0; j < hosts.size(); j++) {
                if (i < lastOfFirst != j < lastOfFirst) {
                    cuts.add(i + " " + j);
                }
            }
        }
    }

    void heal() {
        cuts.clear();
    }

    /** What may not now waits. */
    private boolean mayArrive(Arrival arrival) {
        return arrival.host.alive
                && (arrival.from == null || !cuts.contains(hosts.indexOf(arrival.from) + " " + hosts.indexOf(arrival.host)));
    }

    /** As host {@code number} knows it. */
    ServiceSpec service(int number, String uid) {
        return host(number).services.get(uid);
    }

    private long delay() {
        return minDelay + (maxDelay > minDelay ? random.nextLong(maxDelay - minDelay) : 0);
    }

    private void exchange() {
        for (int from = 0; from < hosts.size(); from++) {
            for (int to = 0; to < hosts.size(); to++) {
                Host sender = hosts.get(from);
                Host receiver = hosts.get(to);
                if (from == to || !sender.alive || !receiver.alive || cuts.contains(from + " " + to)) {
                    continue;
                }
                receiver.heardAt.put(sender.id, now);
                String link = from + " " + to;
                for (int i = sender.published.size() - 1; i >= 0; i--) {
                    Published record = sender.published.get(i);
                    Published known = receiver.heard.get(sender.id);
                    if (known != null && known.version >= record.version) {
                        break;
                    }
                    if (record.at + delays.computeIfAbsent(link + " " + record.version / 4, first -> delay()) <= now) {
                        receiver.heard.put(sender.id, record);
                        break;
                    }
                }
            }
        }
    }

    void tick() {
        now += TICK;
        exchange();
        for (Arrival arrival : List.copyOf(arrivals)) {
            if (arrival.at <= now && mayArrive(arrival)) {
                arrivals.remove(arrival);
                if (arrival.service != null) {
                    Version known = arrival.host.versions.get(arrival.service.uid());
                    if (known == null || known.compareTo(arrival.version) < 0) {
                        arrival.host.services.put(arrival.service.uid(), arrival.service);
                        arrival.host.versions.put(arrival.service.uid(), arrival.version);
                    }
                } else {
                    arrival.host.services.remove(arrival.removed);
                }
            }
        }
        hosts.stream().filter(host -> host.alive).forEach(Host::tick);
        checkAlways();
        invariant.accept(this);
    }

    void run(long millis) {
        for (long end = now + millis; now < end;) {
            tick();
        }
    }

    /** Ticks until {@code condition} holds; fails after {@code atMostMillis} of simulated time. Returns the time it took. */
    long runUntil(String what, long atMostMillis, BooleanSupplier condition) {
        long start = now;
        while (!condition.getAsBoolean()) {
            if (now - start >= atMostMillis) {
                throw new AssertionError("not within " + atMostMillis + " ms: " + what + "\n" + describe());
            }
            tick();
        }
        return now - start;
    }

    /** Nothing is under way and nobody waits for anything but the news of a death. */
    boolean isQuiet() {
        return arrivals.stream().noneMatch(this::mayArrive) && hosts.stream().filter(host -> host.alive)
                .allMatch(host -> host.containers.isIdle() && host.scheduler.nextStep() >= now + LONGEST_WAIT_MILLIS)
                && hosts.stream().filter(host -> host.alive).allMatch(host -> hosts.stream().filter(other -> other != host && other.alive)
                        .allMatch(other -> other.published.isEmpty()
                                || cuts.contains(hosts.indexOf(other) + " " + hosts.indexOf(host))
                                || host.heard.containsKey(other.id)
                                        && host.heard.get(other.id).version == other.published.get(other.published.size() - 1).version));
    }

    void runToRest() {
        runUntil("rest", 120_000, this::isQuiet);
        run(100);
        runUntil("rest", 120_000, this::isQuiet);
    }

    private void checkAlways() {
        for (Host host : hosts) {
            Resources used = Resources.NONE;
            SortedSet<String> ports = new TreeSet<>();
            for (Task task : host.containers.alive().values()) {
                ServiceSpec service = host.services.get(task.slot().serviceUid());
                if (service != null) {
                    used = used.plus(service.reservations());
                    for (String port : service.hostPorts()) {
                        check(ports.add(port), "host port twice on " + host.id + ": " + port);
                    }
                }
            }
            check(host.spec.capacity().covers(used), "over capacity on " + host.id + ": " + used);
        }
    }

    List<Task> alive(String serviceUid) {
        return hosts.stream().flatMap(host -> host.containers.alive().values().stream())
                .filter(task -> task.slot().serviceUid().equals(serviceUid)).toList();
    }

    /** As the nodes' own records say, of nodes that are up. */
    List<Task> running(String serviceUid) {
        return hosts.stream().filter(host -> host.alive).flatMap(host -> host.recordTasks.values().stream())
                .filter(task -> task.slot().serviceUid().equals(serviceUid) && task.state() == TaskState.RUNNING && task.isActive()).toList();
    }

    List<Task> records(String serviceUid) {
        return hosts.stream().flatMap(host -> host.recordTasks.values().stream()).filter(task -> task.slot().serviceUid().equals(serviceUid)).toList();
    }

    /** Running tasks of the service on each host. */
    List<Integer> spread(String serviceUid) {
        return hosts.stream().map(host -> (int) running(serviceUid).stream().filter(task -> task.node().equals(host.id)).count()).toList();
    }

    boolean eachSlotOnce(String serviceUid, int replicas) {
        List<Task> running = running(serviceUid);
        return running.size() == replicas && running.stream().map(Task::slot).distinct().count() == replicas && alive(serviceUid).size() == replicas;
    }

    String describe() {
        StringBuilder text = new StringBuilder("seed " + seed + " at " + now + " ms\n");
        for (Host host : hosts) {
            text.append(host.id).append(host.alive ? "" : " (off)").append(" next ").append(host.scheduler.nextStep()).append('\n');
            host.recordTasks.values().forEach(task -> text.append("  ").append(task).append('\n'));
            host.recordRefusals.values().forEach(refusal -> text.append("  ").append(refusal).append('\n'));
        }
        return text.toString();
    }

    static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }
}
