package dev.starling.chaos.sim;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.sim.SimSigning;
import dev.starling.node.core.NodeCore;
import dev.starling.node.core.NodeEffect;
import dev.starling.node.core.NodeReport;
import dev.starling.node.spec.DockerSpecReader;
import dev.starling.node.swarm.EnrolledWriters;
import dev.starling.scheduler.Scheduler;
import dev.starling.scheduler.model.NodeConditions;
import dev.starling.scheduler.model.Obstacles;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.Time;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.random.RandomGenerator;

/**
 * A host of the simulation: the product's own {@link NodeCore} with a simulated disk, kernel, clock and network around it. It can lose its
 * power, its agent or its disk, be paused, and come back.
 */
public final class SimNode {
    private enum Power { OFF, ON, PAUSED, SCRAPPED }

    private static final long DISK_MILLIS = 2;

    private final Simulation simulation;
    private final NodeId id;
    private final Endpoint endpoint;
    private final Resources capacity;
    private final RandomGenerator random;
    private final SimDisk disk;
    private final SimContainers containers;
    private final Certificates certificates;
    private final List<Runnable> whilePaused = new ArrayList<>();
    /** Writes to the disk that are under way, by object; and those that were when the agent last ended. */
    private final TreeMap<String, Integer> writing = new TreeMap<>();
    private SortedSet<String> unsaved = new TreeSet<>();
    private final Host host = new Host();
    private final TreeSet<String> takenPorts = new TreeSet<>();
    private long wallOffsetMillis;
    private int clockJumps;
    private Power power = Power.OFF;
    private NodeCore core;
    private long session;
    private long tickAt = Long.MAX_VALUE;
    private long answeringSince;

    SimNode(Simulation simulation, NodeId id, Role role, Endpoint endpoint, Resources capacity, RandomGenerator random) {
        this.simulation = simulation;
        this.id = id;
        this.endpoint = endpoint;
        this.capacity = capacity;
        this.random = random;
        this.disk = simulation.hardware().disk();
        this.disk.certify(new Certificates.Certificate(role, 0));
        this.certificates = new Certificates(simulation, this);
        this.containers = simulation.hardware().containers(simulation.events(), random, this::containerReport);
    }

    public NodeId id() {
        return id;
    }

    public Endpoint endpoint() {
        return endpoint;
    }

    /** What its certificate says. */
    public Role role() {
        return disk.certificate().role();
    }

    public Resources capacity() {
        return capacity;
    }

    public boolean isUp() {
        return power == Power.ON || power == Power.PAUSED;
    }

    /** Null while the agent is off. */
    public NodeCore core() {
        return core;
    }

    /** What this host's kernel runs, whatever its agent knows. */
    public Collection<Task> running() {
        return containers.running();
    }

    /** Tasks that ended here with success, as the kernel knows it. */
    public Collection<Task> completed() {
        return containers.completed();
    }

    SimDisk disk() {
        return disk;
    }

    /** Sets the wall clock off against the simulation's. */
    public void skew(long millis) {
        clockJumps += wallOffsetMillis == millis ? 0 : 1;
        wallOffsetMillis = millis;
    }

    /** How often its wall clock was set. */
    public int clockJumps() {
        return clockJumps;
    }

    public void start() {
        if (power != Power.OFF) {
            return;
        }
        power = Power.ON;
        answeringSince = simulation.events().now();
        session++;
        Certificates.Certificate certificate = disk.certificate();
        Role role = certificate.role();
        Member self = new Member(id, endpoint, role, disk.nextBoot(now().wallMillis(), random), 0, MemberStatus.ALIVE);
        EnrolledWriters writers = new EnrolledWriters(Certificates.GUARD, Certificates::roleGeneration);
        Gossip gossip = new Gossip(simulation.gossipConfig(), self, random, writers, new SimSigning(id), simulation.wire().recordSharing());
        writers.consult(gossip.desired());
        core = new NodeCore(id, role, NodeCore.Config.defaults(), gossip, new Scheduler(id, simulation.schedulerConfig(), random),
                new DockerSpecReader(), simulation.wire().valueReader(), object -> Certificates.signed(object, certificate), random);
        core.restore(disk.desired(), disk.record(), disk.members());
        for (Task task : core.activeTasks()) {
            core.report(containers.adopt(task), now());
        }
        core.describe(report(), now());
        core.start(simulation.seedsFor(this), now());
        certificates.look();
        simulation.touched(this);
        afterInput();
    }

    private NodeReport report() {
        return new NodeReport(id.value(), endpoint.host(), endpoint.host() + ":2377", role(), new Platform("linux", "x86_64"),
                simulation.hardware().reported(capacity), "sim", Collections.emptySortedMap(), new TreeSet<>(), new TreeSet<>(),
                new Obstacles(new TreeSet<>(), new TreeSet<>(takenPorts)), NodeConditions.NONE);
    }

    /** A process of the host listens on {@code port} ("tcp/8080"). */
    void takePort(String port) {
        if (takenPorts.add(port)) {
            run(node -> node.describe(report(), now()));
        }
    }

    void freePorts() {
        if (!takenPorts.isEmpty()) {
            takenPorts.clear();
            run(node -> node.describe(report(), now()));
        }
    }

    /** Its kernel fails every start for {@code reason}; null: it works again. */
    void startNothing(String reason) {
        containers.startNothing(reason);
    }

    /** Objects whose writes to the disk were under way, and were lost, when the agent last ended. */
    public SortedSet<String> unsaved() {
        return unsaved;
    }

    /** A number that changes when the agent ends or starts. */
    public long session() {
        return session;
    }

    /** Its agent runs and is not paused. */
    public boolean answers() {
        return power == Power.ON;
    }

    /** When its agent last started or was resumed. */
    public long answeringSince() {
        return answeringSince;
    }

    /** An agent is there, which may be paused. */
    public boolean hasAgent() {
        return core != null;
    }

    /** The agent alone is killed: containers go on. */
    public void killAgent() {
        off();
        containers.agentEnded();
    }

    /** It has another certificate, and its agent begins anew with it. */
    void become(Certificates.Certificate issued) {
        killAgent();
        disk.certify(issued);
        start();
    }

    /** The host loses its power: containers end, what had not reached the disk is lost. */
    public void powerCut() {
        off();
        containers.powerCut();
        simulation.touched(this);
    }

    public void loseDisk() {
        powerCut();
        disk.lose();
        simulation.diskLost(this);
    }

    /** It is taken away for good, with all that was on it. */
    void scrap() {
        loseDisk();
        power = Power.SCRAPPED;
    }

    public void backUpDisk() {
        disk.backUp();
    }

    boolean hasBackup() {
        return disk.hasBackup();
    }

    /** The host is off and its disk as it was when it was copied; key and name are the same. */
    public void putBackDisk() {
        powerCut();
        disk.putBack();
        simulation.diskLost(this);
    }

    private void off() {
        if (!isUp()) {
            return; // what was lost is what was under way when it ended, not now
        }
        power = Power.OFF;
        core = null;
        session++;
        unsaved = new TreeSet<>(writing.keySet());
        writing.clear();
        tickAt = Long.MAX_VALUE;
        whilePaused.clear();
    }

    /** SIGSTOP: nothing runs, the sockets' buffers fill. */
    public void pause() {
        if (power == Power.ON) {
            power = Power.PAUSED;
        }
    }

    public void resume() {
        if (power == Power.PAUSED) {
            power = Power.ON;
            answeringSince = simulation.events().now();
            List<Runnable> missed = List.copyOf(whilePaused);
            whilePaused.clear();
            missed.forEach(Runnable::run);
            tick();
        }
    }

    /** @param role that the sender's certificate said when it sent this */
    void arrived(SimNode from, Role role, Wire.Carried message) {
        run(node -> node.receive(from.id(), role, message.message().get(), now()));
    }

    private void containerReport(TaskReport report) {
        simulation.touched(this);
        run(node -> node.report(report, now()));
    }

    /** An operator's call at this node; refusals reach the caller. */
    public <T> T operate(java.util.function.BiFunction<NodeCore, Time, T> call) {
        if (power != Power.ON) {
            throw new IllegalStateException("node " + id + " is not running");
        }
        T answer = call.apply(core, now());
        afterInput();
        return answer;
    }

    private void run(java.util.function.Consumer<NodeCore> input) {
        switch (power) {
            case OFF, SCRAPPED -> { }
            case PAUSED -> whilePaused.add(() -> run(input));
            case ON -> {
                input.accept(core);
                afterInput();
            }
        }
    }

    private void afterInput() {
        carryOut();
        planTick();
    }

    private void planTick() {
        long wanted = Math.max(core.nextTick(), simulation.events().now() + 1);
        if (wanted < tickAt) {
            tickAt = wanted;
            long planned = session;
            simulation.events().at(wanted, () -> {
                if (session == planned && tickAt == wanted && power == Power.ON) {
                    tick();
                }
            });
        }
    }

    private void tick() {
        tickAt = Long.MAX_VALUE;
        core.tick(now());
        core.settle(now());
        carryOut();
        planTick();
    }

    /** Runs {@code action} after a while, unless this agent has ended by then. */
    private void inSession(long millis, BiConsumer<NodeCore, Time> action) {
        long planned = session;
        simulation.events().after(millis, () -> {
            if (session == planned) {
                run(node -> action.accept(node, now()));
            }
        });
    }

    private void carryOut() {
        core.drain().forEach(effect -> effect.handle(host));
        simulation.checkTouched();
    }

    private Time now() {
        return new Time(simulation.events().now(), Simulation.EPOCH_MILLIS + simulation.events().now() + wallOffsetMillis);
    }

    /** Key by key what the agent's record says, for a comparison of views. */
    TreeMap<String, dev.starling.gossip.Bytes> record() {
        return new TreeMap<>(core.ownRecord());
    }

    @Override
    public String toString() {
        return id.value();
    }

    /** The simulated host's part of the effects. */
    private final class Host implements NodeEffect.Handler {
        @Override
        public void on(NodeEffect.Send send) {
            simulation.network().send(SimNode.this, send.to(), simulation.wire().carry(send.message()));
        }

        @Override
        public void on(NodeEffect.PersistDesired persist) {
            String uid = persist.object().uid();
            writing.merge(uid, 1, Integer::sum);
            if (uid.equals(id.value())) {
                certificates.look();
            }
            simulation.touched(SimNode.this);
            inSession(DISK_MILLIS, (node, now) -> {
                writing.computeIfPresent(uid, (key, count) -> count == 1 ? null : count - 1);
                disk.save(persist.object());
                node.persisted(uid, persist.object().generation(), now);
            });
        }

        @Override
        public void on(NodeEffect.PersistRecord persist) {
            disk.save(persist.key(), persist.value());
            simulation.wrote(SimNode.this, persist);
            simulation.touched(SimNode.this);
        }

        @Override
        public void on(NodeEffect.PersistPromise promise) {
            inSession(DISK_MILLIS, (node, now) -> {
                disk.save(promise.key(), promise.value());
                node.promised(promise.number(), now);
            });
        }

        @Override
        public void on(NodeEffect.MemberChanged change) {
            if (change.now() != null) {
                disk.save(change.now());
            }
            simulation.memberChanged(SimNode.this, change.before(), change.now());
        }

        @Override
        public void on(NodeEffect.NodeRemoved removed) {
            // the core itself no longer hears it; the transport's part is not simulated
        }

        @Override
        public void on(NodeEffect.Refused refused) {
            simulation.refused(SimNode.this, refused);
        }

        @Override
        public void on(NodeEffect.Replicated replicated) {
            simulation.replicated(replicated.uid(), replicated.generation(), replicated.copies());
        }

        @Override
        public void on(NodeEffect.StartTask start) {
            inSession(DISK_MILLIS, (node, now) -> containers.start(start.task()));
        }

        @Override
        public void on(NodeEffect.StopTask stop) {
            inSession(DISK_MILLIS, (node, now) -> containers.stop(stop.task())); // behind its start, as the agent keeps them in order
        }

        @Override
        public void on(NodeEffect.RemoveTask remove) {
            inSession(DISK_MILLIS, (node, now) -> containers.remove(remove.task()));
        }
    }
}
