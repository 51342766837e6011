package dev.starling.node.core;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Output;
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
import java.util.Objects;
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

    private static final long LONGEST_CATCH_UP_MILLIS = 30_000;
    private static final long CATCH_UP_LOOK_MILLIS = 100;

    private final NodeId self;
    private final Role role;
    private final Config config;
    private final Gossip gossip;
    private final Scheduler scheduler;
    private final ViewBuilder state;
    private final SpecReader specs;
    private final List<NodeEffect> effects = new ArrayList<>();

    private final LeaseExchange leases;
    private final HybridClock clock = new HybridClock();
    private final DesiredWriter writer;
    private boolean dirty = true;
    /** Not before this does the scheduler run: first for listening, then {@link Config#planInterval} after its last run. */
    private long planAt;
    private boolean heardPeer;
    /** From the start until the state of the others is here. */
    private boolean listening;
    private long listenUntil;
    private View view;
    private ClusterSnapshot snapshot;

    public NodeCore(NodeId self, Role role, Config config, Gossip gossip, Scheduler scheduler, SpecReader specs, DesiredSigning signing,
            RandomGenerator random) {
        this.self = self;
        this.role = role;
        this.config = config;
        this.gossip = gossip;
        this.scheduler = scheduler;
        this.specs = specs;
        this.state = new ViewBuilder(self, specs);
        this.leases = new LeaseExchange(self, scheduler.leases(), this::sendParcel, effects::add);
        this.writer = new DesiredWriter(self, role, state, clock, signing, random, gossip.maxValueBytes());
    }

    /** Before {@link #start}: what this node had on disk. */
    public void restore(Collection<DesiredObject> desired, SortedMap<String, Bytes> stored, Collection<Member> lastKnown) {
        SortedMap<String, Bytes> ownRecord = new TreeMap<>(stored);
        leases.restore(ownRecord);
        gossip.restore(desired, ownRecord, lastKnown);
        for (Member member : gossip.members().values()) {
            if (!member.id().equals(self)) { // known again: no change of gossip's own will tell of it
                effects.add(new NodeEffect.MemberChanged(null, member));
            }
        }
        for (DesiredObject object : desired) {
            state.desiredChanged(object);
            if (object.kind() == Kind.SERVICE && object.deleted()) {
                scheduler.leases().serviceDeleted(object.uid());
            }
            clock.observe(object.time());
            if (object.kind() == Kind.NODE && object.deleted()) {
                effects.add(new NodeEffect.NodeRemoved(new NodeId(object.uid())));
            }
        }
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
        boolean alone = seeds.isEmpty() && gossip.members().size() <= 1;
        planAt = alone ? now.monotonicMillis() : now.monotonicMillis() + config.listenFirst();
        scheduler.leases().start(now.monotonicMillis());
        gossip.records().of(self).forEach((key, value) -> learnStewards(key, value, now));
        apply(scheduler.fence(view(), now), now);
        listening = !alone;
        listenUntil = now.monotonicMillis() + Math.max(config.listenFirst(), LONGEST_CATCH_UP_MILLIS);
        gossip.start(seeds, now.monotonicMillis());
        absorb(now);
    }

    /** A message of a node that operators removed is not heard: its certificate may still be valid, its place in the cluster is not. */
    public void receive(NodeId from, Role fromRole, Message message, Time now) {
        if (isRemoved(from)) {
            effects.add(new NodeEffect.Refused(from, Refusal.REMOVED_NODE));
            return;
        }
        if (message instanceof Message.Parcel parcel) {
            leases.receive(from, parcel.content(), now);
            absorb(now);
            return;
        }
        gossip.receive(from, fromRole, message, now.monotonicMillis());
        if (!heardPeer) {
            heardPeer = true;
            planAt = Math.min(planAt, now.monotonicMillis() + config.listenAfterPeer());
        }
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
        putRecord(RecordKeys.NODE, RecordCodec.encode(report), now);
        changed();
        absorb(now);
    }

    /** This node has another certificate, or trusts other roots. */
    public void certify(CertificateReport report, Time now) {
        putRecord(RecordKeys.CERTIFICATE, RecordCodec.encode(report), now);
        absorb(now);
    }

    /** The keys for overlay networks that this node offers from now on, oldest first; none: it cannot encrypt. */
    public void encrypt(List<Bytes> keys, List<String> ciphers, Time now) {
        if (keys.isEmpty()) {
            removeRecordIfThere(RecordKeys.ENCRYPTION, now);
        } else {
            putRecord(RecordKeys.ENCRYPTION, RecordCodec.encode(keys, ciphers), now);
        }
        absorb(now);
    }

    /**
     * What the tasks of autoscaled services use here now. Not kept on disk: it is soon measured again, and a flash card is not to wear out by it.
     *
     * @param loads in the order of their services' uids
     */
    public void load(List<ServiceLoad> loads, Time now) {
        Bytes value = loads.isEmpty() ? null : RecordCodec.encodeLoads(loads);
        if (Objects.equals(value, gossip.records().of(self).get(RecordKeys.LOADS))) {
            return;
        }
        if (value == null) {
            gossip.remove(RecordKeys.LOADS, now.monotonicMillis());
        } else {
            gossip.put(RecordKeys.LOADS, value, now.monotonicMillis());
        }
        state.recordChanged(self, RecordKeys.LOADS, value);
        changed();
        absorb(now);
    }

    /** What this node says to each peer of the keys between them; nothing to those that are not in it. */
    public void acknowledge(SortedMap<NodeId, KeyAcknowledgement> acknowledgements, Time now) {
        for (String key : List.copyOf(gossip.records().of(self).keySet())) {
            if (RecordKeys.isAcknowledgement(key) && !acknowledgements.containsKey(RecordKeys.acknowledgedPeer(key))) {
                removeRecord(key, now);
            }
        }
        acknowledgements.forEach((peer, said) -> putRecord(RecordKeys.acknowledged(peer), RecordCodec.encode(said), now));
        absorb(now);
    }

    private void removeRecordIfThere(String key, Time now) {
        if (gossip.records().of(self).containsKey(key)) {
            removeRecord(key, now);
        }
    }

    /** All objects, as they are signed; for what the view leaves out. */
    public Desired desired() {
        return gossip.desired();
    }

    public void report(TaskReport report, Time now) {
        apply(scheduler.report(report, now), now);
        dirty = true;
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
        long scheduling = dirty ? planAt : Math.max(planAt, scheduler.nextStep());
        return Math.min(Math.min(gossip.nextTick(), scheduler.leases().nextTick()), scheduling);
    }

    /** Runs the scheduler where the view has changed or a wait of its own is over. */
    public void settle(Time now) {
        if (isListening(now) || now.monotonicMillis() < planAt || !dirty && now.monotonicMillis() < scheduler.nextStep()) {
            return;
        }
        planAt = now.monotonicMillis() + config.planInterval();
        dirty = false;
        List<Effect> next = scheduler.step(view(), now);
        apply(next, now);
        if (!next.isEmpty() || scheduler.leases().hasOutput()) {
            absorb(now);
        }
    }

    /** A node that has just come plans on the whole state, not on the part that has arrived; with a bound, for the link may be slow. */
    private boolean isListening(Time now) {
        if (!listening || now.monotonicMillis() < planAt) {
            return false;
        }
        listening = now.monotonicMillis() < listenUntil && gossip.isCatchingUp(now.monotonicMillis());
        planAt += listening ? CATCH_UP_LOOK_MILLIS : 0;
        return listening;
    }

    private void apply(List<Effect> next, Time now) {
        ScheduleHandler handler = new ScheduleHandler(now);
        next.forEach(effect -> effect.handle(handler));
    }

    private void putRecord(String key, Bytes value, Time now) {
        if (value.equals(gossip.records().of(self).get(key))) {
            return;
        }
        gossip.put(key, value, now.monotonicMillis());
        state.recordChanged(self, key, value);
        effects.add(new NodeEffect.PersistRecord(key, Optional.of(value)));
        ownRecordChanged();
    }

    private void removeRecord(String key, Time now) {
        gossip.remove(key, now.monotonicMillis());
        state.recordChanged(self, key, null);
        effects.add(new NodeEffect.PersistRecord(key, Optional.empty()));
        ownRecordChanged();
    }

    /** Takes over what gossip has put out since the last input. */
    private void absorb(Time now) {
        GossipHandler handler = new GossipHandler(now);
        List<Output> outputs;
        while (!(outputs = gossip.drain()).isEmpty()) {
            outputs.forEach(output -> output.handle(handler));
        }
        leases.flush(now, (key, value) -> putRecord(key, value, now));
        dirty |= scheduler.leases().takeGained();
        gossip.drain().forEach(output -> output.handle(handler));
    }

    /** {@code docker node rm}. One that was removed while it was up is heard no more, and forgotten once it counts as dead. */
    private void removed(NodeId node, Time now) {
        effects.add(new NodeEffect.NodeRemoved(node));
        Member member = gossip.members().get(node);
        if (member != null && !member.status().isUp()) {
            gossip.forget(node, now.monotonicMillis());
        }
        state.forget(node);
    }

    private boolean isRemoved(NodeId node) {
        DesiredObject enrolled = gossip.desired().get(node.value());
        return enrolled != null && enrolled.deleted();
    }

    private void takeRecord(NodeId node, String key, Time now) {
        SortedMap<String, Bytes> record = gossip.records().of(node);
        if (key == null) {
            state.recordReplaced(node, record);
            record.forEach((each, value) -> learnStewards(each, value, now));
        } else {
            state.recordChanged(node, key, record.get(key));
            learnStewards(key, record.get(key), now);
        }
    }

    /** Who votes on a slot, as a node tells that held it when that changed. */
    private void learnStewards(String key, Bytes value, Time now) {
        if (value != null && key.startsWith(RecordKeys.STEWARDS)) {
            leases.learn(value, now);
        }
    }

    private void sendParcel(NodeId to, Bytes content) {
        Member member = gossip.members().get(to);
        if (member != null) {
            effects.add(new NodeEffect.Send(member.endpoint(), new Message.Parcel(content)));
        }
    }

    /** A suspicion and its refutation are not: the member counts as up all the while. */
    private static boolean isNewToScheduler(Member before, Member now) {
        return before == null || now == null || before.status().isUp() != now.status().isUp()
                || !before.endpoint().equals(now.endpoint()) || before.role() != now.role();
    }

    private void changed() {
        dirty = true;
        ownRecordChanged();
    }

    /** What the scheduler itself has put into this node's record it need not be asked about again. */
    private void ownRecordChanged() {
        view = null;
        snapshot = null;
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

    private DesiredObject write(DesiredObject signed, Time now) {
        gossip.write(signed, now.monotonicMillis());
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
        if (view == null) {
            view = state.view(gossip.members());
        }
        return view;
    }

    /** The same object until something changes. */
    public ClusterSnapshot snapshot() {
        if (snapshot == null) {
            snapshot = state.snapshot(role, gossip.members(), view());
        }
        return snapshot;
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
        SortedMap<String, Bytes> kept = new TreeMap<>(gossip.records().of(self));
        kept.remove(RecordKeys.LOADS);
        return kept;
    }

    /** Carries out what the scheduler wants: its bids go into this node's record, its wishes for containers outside. */
    private final class ScheduleHandler implements Effect.Handler {
        private final Time now;

        ScheduleHandler(Time now) {
            this.now = now;
        }

        @Override
        public void on(Effect.PutTask put) {
            clock.observe(put.task().claimed());
            putRecord(RecordKeys.task(put.task().id()), RecordCodec.encode(put.task()), now);
        }

        @Override
        public void on(Effect.DropTask drop) {
            removeRecord(RecordKeys.task(drop.task().id()), now);
            effects.add(new NodeEffect.RemoveTask(drop.task()));
        }

        @Override
        public void on(Effect.PutRefusal put) {
            putRecord(RecordKeys.refusal(put.refusal().slot()), RecordCodec.encode(put.refusal()), now);
        }

        @Override
        public void on(Effect.DropRefusal drop) {
            removeRecord(RecordKeys.refusal(drop.slot()), now);
        }

        @Override
        public void on(Effect.PutBlocks put) {
            String key = RecordKeys.blocks(put.networkUid());
            if (put.blocks().isEmpty()) {
                removeRecord(key, now);
            } else {
                putRecord(key, RecordCodec.encode(put.blocks()), now);
            }
        }

        @Override
        public void on(Effect.PutCompleted put) {
            putRecord(RecordKeys.completed(put.work().serviceUid()), RecordCodec.encode(put.work()), now);
        }

        @Override
        public void on(Effect.DropCompleted drop) {
            removeRecord(RecordKeys.completed(drop.serviceUid()), now);
        }

        /** An operator may have written in between, or this node be a manager no more: then it is for others to say. */
        @Override
        public void on(Effect.AmendService amend) {
            Document service = state.document(amend.serviceUid());
            if (role == Role.MANAGER && service != null && service.object().generation() == amend.generation()) {
                specs.amended(service, amend.amendment(), snapshot(), now.wallMillis())
                        .ifPresent(body -> write(writer.amend(service.object(), body), now));
            }
        }

        @Override
        public void on(Effect.Start start) {
            effects.add(new NodeEffect.StartTask(start.task()));
        }

        @Override
        public void on(Effect.Stop stop) {
            effects.add(new NodeEffect.StopTask(stop.task(), stop.reason()));
        }
    }

    /** Takes over what gossip tells: changes into the state that the next view is built of, the rest outside. */
    private final class GossipHandler implements Output.Handler {
        private final Time now;

        GossipHandler(Time now) {
            this.now = now;
        }

        @Override
        public void on(Output.Send send) {
            effects.add(new NodeEffect.Send(send.to(), send.message()));
        }

        @Override
        public void on(Output.MemberChanged change) {
            effects.add(new NodeEffect.MemberChanged(change.before(), change.now()));
            if (change.now() != null && !change.now().status().isUp() && isRemoved(change.now().id())) {
                removed(change.now().id(), now);
            }
            if (isNewToScheduler(change.before(), change.now())) {
                state.membersChanged();
                changed();
            } else {
                snapshot = null;
            }
        }

        @Override
        public void on(Output.DesiredChanged change) {
            DesiredObject object = change.object();
            if (object.time().wallMillis() - now.wallMillis() <= config.maxClockAhead()) {
                clock.observe(object.time());
            }
            state.desiredChanged(object);
            if (object.kind() == Kind.SERVICE && object.deleted()) {
                scheduler.leases().serviceDeleted(object.uid());
            }
            if (object.kind() == Kind.NODE && object.deleted()) {
                removed(new NodeId(object.uid()), now);
            }
            effects.add(new NodeEffect.PersistDesired(object));
            changed();
        }

        @Override
        public void on(Output.RecordChanged change) {
            if (!change.node().equals(self)) {
                takeRecord(change.node(), change.key(), now);
                changed();
            }
        }

        @Override
        public void on(Output.Refused refused) {
            effects.add(new NodeEffect.Refused(refused.teller(), refused.reason()));
        }

        @Override
        public void on(Output.Replicated replicated) {
            effects.add(new NodeEffect.Replicated(replicated.uid(), replicated.generation(), replicated.copies()));
        }
    }
}
