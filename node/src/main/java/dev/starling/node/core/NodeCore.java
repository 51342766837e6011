package dev.starling.node.core;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.ObjectRefusedException;
import dev.starling.gossip.Refusal;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Desired;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.message.Message;
import dev.starling.scheduler.Effect;
import dev.starling.scheduler.Scheduler;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.View;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * One node of the cluster without its body: gossip and scheduler joined into one machine. Messages, container reports, operators' writes
 * and the time go in; {@link NodeEffect}s come out. The agent runs it over sockets, disk and kernel, the simulator over fakes; it has no
 * clock, thread or I/O of its own, and every method is called by one thread.
 *
 * <p>Inputs only take note. {@link #settle} then runs the scheduler on the view as it is, once for all inputs since the last call, and
 * {@link #drain} hands out what is to be done. So a burst of messages costs one plan.
 *
 * <p>A node that starts while it knows of others first listens for a moment ({@link Config#listenFirst}): its old tasks may have been
 * taken over while it was away, and starting them at once would give each slot two tasks. With nobody in reach it goes on alone.
 */
public final class NodeCore {
    /**
     * @param listenFirst      how long a starting node waits for its peers' state before it schedules, in milliseconds
     * @param listenAfterPeer  how long it still waits once a peer answers, so that the exchange of state completes
     * @param planInterval     least time between two runs of the scheduler: a burst of changes costs few plans, a lone one does not wait
     * @param maxClockAhead    a foreign time more than this ahead of the wall clock does not move this node's hybrid clock
     */
    public record Config(long listenFirst, long listenAfterPeer, long planInterval, long maxClockAhead) {
        public static Config defaults() {
            return new Config(5_000, 700, 50, 300_000);
        }
    }

    private final NodeId self;
    private final Role role;
    private final Gossip gossip;
    private final Scheduler scheduler;
    private final SpecReader specs;
    private final List<NodeEffect> effects = new ArrayList<>();

    private final ViewBuilder state;
    private final ViewCache views;
    private final PlanTurns turns;
    private final OwnRecordWriter own;
    private final LeaseExchange leases;
    private final GossipNews news;
    private final ScheduledChanges scheduled;
    private final HybridClock clock = new HybridClock();
    private final DesiredWriter writer;
    private final LateWrites lateWrites;

    public NodeCore(NodeId self, Role role, Config config, Gossip gossip, Scheduler scheduler, SpecReader specs, DesiredSigning signing,
            RandomGenerator random) {
        this(self, role, config, gossip, scheduler, specs, ValueReader.ofNode(), signing, random);
    }

    public NodeCore(NodeId self, Role role, Config config, Gossip gossip, Scheduler scheduler, SpecReader specs, ValueReader values,
            DesiredSigning signing, RandomGenerator random) {
        this.self = self;
        this.role = role;
        this.gossip = gossip;
        this.scheduler = scheduler;
        this.specs = specs;
        this.state = new ViewBuilder(self, specs, values);
        this.views = new ViewCache(state, gossip, role);
        this.turns = new PlanTurns(config, gossip, scheduler);
        this.own = new OwnRecordWriter(self, gossip, state, views, effects::add);
        this.leases = new LeaseExchange(self, scheduler.leases(), this::sendParcel, effects::add);
        this.news = new GossipNews(self, gossip, state, views, turns, leases, clock, config.maxClockAhead(), effects::add);
        this.scheduled = new ScheduledChanges(own, clock, effects::add, this::amend);
        this.writer = new DesiredWriter(self, role, state, gossip.desired(), clock, signing, random, gossip.maxValueBytes());
        this.lateWrites = new LateWrites(gossip, state, writer);
    }

    /** Before {@link #start}: what this node had on disk. */
    public void restore(Collection<DesiredObject> desired, SortedMap<String, Bytes> stored, Collection<Member> lastKnown) {
        SortedMap<String, Bytes> ownRecord = new TreeMap<>(stored);
        leases.restore(ownRecord);
        gossip.restore(desired, ownRecord, lastKnown);
        news.restored(gossip.desired().all());
        ownRecord.forEach((key, value) -> state.recordChanged(self, key, value));
        scheduler.restore(state.tasks(self), state.refusals(self), state.blocks(self), state.completed(self));
        for (Task task : state.tasks(self)) {
            clock.observe(task.claimed());
        }
    }

    /** The tasks of this node that its record knew as active: after {@link #restore} the runner reports on each before {@link #start}. */
    public List<Task> activeTasks() {
        return scheduler.tasks().values().stream().filter(Task::isActive).toList();
    }

    public void start(Collection<Endpoint> seeds, Time now) {
        turns.start(seeds.isEmpty() && gossip.members().size() <= 1, now.monotonicMillis());
        scheduler.leases().start(now.monotonicMillis());
        leases.learn(own.values(), now);
        scheduled.apply(scheduler.fence(view(), now), now);
        gossip.start(seeds, now.monotonicMillis());
        absorb(now);
    }

    /** A message of a node that operators removed is not heard: its certificate may still be valid, its place in the cluster is not. */
    public void receive(NodeId from, Role fromRole, Message message, Time now) {
        if (news.isRemoved(from)) {
            effects.add(new NodeEffect.Refused(from, Refusal.REMOVED_NODE, ""));
            return;
        }
        if (message instanceof Message.Parcel parcel) {
            leases.receive(from, parcel.content(), now);
            absorb(now);
            return;
        }
        gossip.receive(from, fromRole, message, now.monotonicMillis());
        turns.peerHeard(now.monotonicMillis());
        absorb(now);
    }

    /** See {@link Gossip#arriving}. */
    public void arriving(NodeId peer, Time now) {
        gossip.arriving(peer, now.monotonicMillis());
        absorb(now);
    }

    public void connectionLost(NodeId peer, Time now) {
        gossip.connectionLost(peer, now.monotonicMillis());
        absorb(now);
    }

    /** What this host can do has changed (or is told for the first time). */
    public void describe(NodeReport report, Time now) {
        own.put(RecordKeys.NODE, RecordCodec.encode(report), now);
        views.changed();
        turns.changed();
        absorb(now);
    }

    /** This node has another certificate, or trusts other roots. */
    public void certify(CertificateReport report, Time now) {
        own.put(RecordKeys.CERTIFICATE, RecordCodec.encode(report), now);
        absorb(now);
    }

    /** The keys for overlay networks that this node offers from now on, oldest first; none: it cannot encrypt. */
    public void encrypt(List<Bytes> keys, List<String> ciphers, Optional<TunnelReach> reach, Time now) {
        own.putEncryption(keys, ciphers, reach, now);
        absorb(now);
    }

    /**
     * What the tasks of autoscaled services use here now. Not kept on disk.
     *
     * @param loads in the order of their services' uids
     */
    public void load(List<ServiceLoad> loads, Time now) {
        if (own.putLoads(loads, now)) {
            turns.changed();
            absorb(now);
        }
    }

    /** What this node says to each peer of the keys between them; nothing to those that are not in it. */
    public void acknowledge(SortedMap<NodeId, KeyAcknowledgement> acknowledgements, Time now) {
        own.putAcknowledgements(acknowledgements, now);
        absorb(now);
    }

    /** All objects, as they are signed; for what the view leaves out. */
    public Desired desired() {
        return gossip.desired();
    }

    public void report(TaskReport report, Time now) {
        scheduled.apply(scheduler.report(report, now), now);
        turns.changed();
        absorb(now);
    }

    public void persisted(String uid, long generation, Time now) {
        gossip.persisted(uid, generation, now.monotonicMillis());
        absorb(now);
    }

    /** The promises up to {@code number} are on disk. */
    public void promised(long number, Time now) {
        leases.promised(number);
        absorb(now);
    }

    public void tick(Time now) {
        gossip.tick(now.monotonicMillis());
        scheduler.leases().tick(now);
        absorb(now);
    }

    /** Monotonic milliseconds at which {@link #tick} and {@link #settle} want to run next; Long.MAX_VALUE for never. */
    public long nextTick() {
        return Math.min(Math.min(gossip.nextTick(), scheduler.leases().nextTick()), turns.next());
    }

    /** Runs the scheduler where the view has changed or a wait of its own is over. */
    public void settle(Time now) {
        if (!turns.take(now.monotonicMillis())) {
            return;
        }
        List<Effect> next = scheduler.step(view(), now);
        scheduled.apply(next, now);
        if (!next.isEmpty() || scheduler.leases().hasOutput()) {
            absorb(now);
        }
    }

    /** Takes over what gossip and the votes have put out since the last input. */
    private void absorb(Time now) {
        news.take(now);
        leases.flush(now, (key, value) -> own.put(key, value, now));
        if (scheduler.leases().takeGained()) {
            turns.changed();
        }
        news.take(now);
        if (role == Role.MANAGER && news.takeNodesChanged()) {
            lateWrites.writtenAgain().forEach(again -> offer(again, now));
            news.take(now);
        }
    }

    private void sendParcel(NodeId to, Bytes content) {
        Member member = gossip.members().get(to);
        if (member != null) {
            effects.add(new NodeEffect.Send(member.endpoint(), new Message.Parcel(content)));
        }
    }

    /** Writes a new object; {@code uid} null: a new id is made. Follow up with {@link #settle}. */
    public Document create(Kind kind, String uid, JsonNode body, Time now) {
        return writer.require(write(writer.create(kind, uid, body, now.wallMillis()), now).uid());
    }

    /** Replaces the body of the live object {@code uid}; {@code generation} is the one the writer had read. */
    public Document update(String uid, long generation, JsonNode body, Time now) {
        return writer.require(write(writer.update(uid, generation, body, now.wallMillis()), now).uid());
    }

    public DesiredObject delete(String uid, Time now) {
        return write(writer.delete(uid, now.wallMillis()), now);
    }

    /** An operator may have written in between: then it is for others to say. */
    private void amend(Effect.AmendService wanted, Time now) {
        Document service = state.document(wanted.serviceUid());
        if (role == Role.MANAGER && service != null && service.object().generation() == wanted.generation()) {
            specs.amended(service, wanted.amendment(), snapshot(), now.wallMillis())
                    .flatMap(body -> writer.amend(service.object(), body)).ifPresent(signed -> {
                        if (offer(signed, now)) {
                            absorb(now);
                        }
                    });
        }
    }

    /** Writes what nobody has asked for. Where this node is a manager no more, also by its document alone, there is nobody to tell. */
    private boolean offer(DesiredObject signed, Time now) {
        try {
            gossip.write(signed, now.monotonicMillis());
            return true;
        } catch (ObjectRefusedException managerNoMore) {
            return false;
        }
    }

    private DesiredObject write(DesiredObject signed, Time now) {
        try {
            gossip.write(signed, now.monotonicMillis());
        } catch (ObjectRefusedException refused) {
            throw new WriteRefusedException(WriteRefusedException.Reason.NOT_A_MANAGER, "This node writes for the cluster no more: " + refused.getMessage());
        }
        absorb(now);
        return signed;
    }

    /** {@code docker swarm leave}: tells the others; the agent then tears down. */
    public void leave(Time now) {
        gossip.leave(now.monotonicMillis());
        absorb(now);
    }

    /** What there is to do since the last call, oldest first. */
    public List<NodeEffect> drain() {
        List<NodeEffect> out = List.copyOf(effects);
        effects.clear();
        return out;
    }

    public View view() {
        return views.view();
    }

    /** The same object until something changes. */
    public ClusterSnapshot snapshot() {
        return views.snapshot();
    }

    /** A node's tasks, in the order of their ids; the same list until one changes. */
    public List<Task> tasks(NodeId node) {
        return state.tasks(node);
    }

    /** The live documents of a kind, oldest first; the same list until one changes. */
    public List<Document> documents(Kind kind) {
        return state.documents(kind);
    }

    /** See {@link Gossip#viewFingerprint}. */
    public long viewFingerprint() {
        return gossip.viewFingerprint();
    }

    /** Objects and record keys of later releases that were taken in: kept, passed on, not looked into. */
    public long unfamiliarValues() {
        return state.unfamiliarValues();
    }

    /** Record values and bodies that this release could not read. */
    public long malformedValues() {
        return state.malformedValues() + leases.malformed();
    }

    public NodeId self() {
        return self;
    }

    public Role role() {
        return role;
    }

    /** Own record as it stands, for a comparison with the disk. */
    public SortedMap<String, Bytes> ownRecord() {
        return own.kept();
    }
}
