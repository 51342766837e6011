package dev.starling.gossip;

import dev.starling.gossip.desired.Desired;
import dev.starling.gossip.desired.DesiredGuard;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.DesiredState;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.member.Suspected;
import dev.starling.gossip.member.Swim;
import dev.starling.gossip.member.Teller;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.record.RecordSharing;
import dev.starling.gossip.record.RecordTable;
import dev.starling.gossip.record.Records;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.random.RandomGenerator;

/**
 * Membership, desired state and records of one node, as one machine without I/O, clock or thread: messages and the time go in, outputs
 * are drained. The node and the simulator run this same class. docs/GOSSIP.md has the algorithm.
 *
 * <p>Times are milliseconds of a monotonic clock that the caller owns; {@code now} never goes back. After each input the caller drains, and
 * asks {@link #nextTick} anew. What changed between two drains is pushed to the others as one batch.
 */
public final class Gossip {
    /** Longest key of a record, in bytes of UTF-8. */
    public static final int MAX_KEY_BYTES = 256;

    private final GossipConfig config;
    private final DesiredGuard guard;
    private final NodeId self;
    private final Swim swim;
    private final RecordTable records;
    private final DesiredState desired = new DesiredState();
    private final AntiEntropy antiEntropy;
    private final Spread spread;
    private final Copies copies;
    private final OwnRecordPush ownRecord;
    private final Reception reception;
    private final List<Output> outputs = new ArrayList<>();
    private long time = Long.MIN_VALUE;
    private boolean started;

    public Gossip(GossipConfig config, Member self, RandomGenerator random, DesiredGuard guard, NodeSigning signing) {
        this(config, self, random, guard, signing, RecordSharing.NONE);
    }

    public Gossip(GossipConfig config, Member self, RandomGenerator random, DesiredGuard guard, NodeSigning signing, RecordSharing sharing) {
        if (self.status() != MemberStatus.ALIVE) {
            throw new IllegalArgumentException("a node starts ALIVE, not " + self.status());
        }
        this.config = config;
        this.guard = guard;
        this.self = self.id();
        swim = new Swim(config, self, random, signing, new SwimHost());
        records = new RecordTable(self.id(), self.boot(), signing, this::keyOf, sharing);
        spread = new Spread(config, random);
        copies = new Copies(self.id());
        antiEntropy = new AntiEntropy(self.id(), config, swim.members(), records, desired, random, this::send);
        ownRecord = new OwnRecordPush(self.id(), records, spread, config);
        reception = new Reception(config, guard, swim, records, desired, antiEntropy, spread, copies, random, outputs::add);
    }

    /** Before {@link #start}: what this node had on disk. Emits nothing. {@code ownRecord} is re-announced under the new boot. */
    public void restore(Collection<DesiredObject> objects, SortedMap<String, Bytes> ownRecord, Collection<Member> lastKnown) {
        if (started) {
            throw new IllegalStateException("restore comes before start");
        }
        objects.forEach(desired::join);
        ownRecord.forEach(records::put);
        swim.restore(lastKnown);
    }

    /** Begins to contact {@code seeds} and the last known members, and keeps trying while it knows no live member. */
    public void start(Collection<Endpoint> seeds, long now) {
        if (started) {
            throw new IllegalStateException("started already");
        }
        started = true;
        time = now;
        swim.start(seeds, now);
    }

    /**
     * A message from the authenticated peer {@code from}, whose certificate carries {@code role}. Of a node that has introduced itself to
     * nobody yet only {@link Message.Ping} and {@link Message.Ack} mean anything; the rest is dropped.
     */
    public void receive(NodeId from, Role role, Message message, long now) {
        advance(now);
        if (from.equals(self)) { // a seed that turned out to be this node
            return;
        }
        if (swim.self().status() == MemberStatus.LEFT) {
            if (message instanceof Message.Ping ping) {
                swim.receive(new Teller(from, role), ping, now);
            }
            return;
        }
        reception.begin(message instanceof Message.Push push && push.forward());
        Member peer = swim.members().get(from);
        Teller teller = new Teller(from, role);
        if (message instanceof Message.Ping ping) {
            swim.receive(teller, ping, now);
        } else if (message instanceof Message.Ack ack) {
            swim.receive(teller, ack, now);
        } else if (peer != null) {
            receive(peer, teller, message, now);
        }
        reception.end();
    }

    private void receive(Member peer, Teller teller, Message message, long now) {
        if (!message.isUrgent() && !(message instanceof Message.Delta)) {
            antiEntropy.catchUp().arrivedOtherwise(peer.id());
        }
        if (message instanceof Message.PingRequest request) {
            swim.receive(teller, request, now);
        } else if (message instanceof Message.IndirectAck ack) {
            swim.receive(teller, ack);
        } else if (message instanceof Message.Nack nack) {
            swim.receive(peer.id(), nack);
        } else if (message instanceof Message.Push push) {
            reception.take(peer, teller, push.changes(), member -> swim.hear(member, teller, now), now);
        } else if (message instanceof Message.Digest digest) {
            antiEntropy.answer(peer, digest, now);
        } else if (message instanceof Message.Summary summary) {
            antiEntropy.answer(peer, summary, now);
        } else if (message instanceof Message.Want want) {
            antiEntropy.answer(peer, want, now);
        } else if (message instanceof Message.Delta delta) {
            long before = antiEntropy.viewFingerprint();
            reception.take(peer, teller, delta.changes(), member -> swim.learn(member, teller, now), now);
            antiEntropy.took(peer, delta.rest(), antiEntropy.viewFingerprint() != before, now);
        } else if (message instanceof Message.Stored stored) {
            copies.stored(peer.id(), stored.uid(), stored.generation(), outputs::add);
        } else {
            throw new IllegalArgumentException("unexpected " + message.getClass().getSimpleName());
        }
    }

    /** Runs what is due at {@code now}. */
    public void tick(long now) {
        advance(now);
        if (started) {
            swim.tick(now);
            antiEntropy.tick(now);
        }
    }

    /** When {@link #tick} wants to be called next; Long.MAX_VALUE for never. */
    public long nextTick() {
        if (!started) {
            return Long.MAX_VALUE;
        }
        return Math.min(Math.min(swim.nextTick(), antiEntropy.nextTick()), Math.min(spread.nextTick(), ownRecord.nextTick()));
    }

    /** The transport saw the connection to {@code peer} refused, reset or closed: a hint to probe it at once, no verdict. */
    public void connectionLost(NodeId peer, long now) {
        advance(now);
        swim.connectionLost(peer, now);
    }

    /** The transport receives a large message of {@code peer}: what is in it is not asked for again meanwhile. */
    public void arriving(NodeId peer, long now) {
        advance(now);
        antiEntropy.catchUp().arriving(peer, now);
    }

    /**
     * Sets {@code key} of this node's own record. Equal to what is there: nothing happens.
     *
     * @throws IllegalArgumentException where key or value is above {@link #MAX_KEY_BYTES}, {@link GossipConfig#maxValueBytes}
     */
    public void put(String key, Bytes value, long now) {
        advance(now);
        requireAtMost("key '" + key + "'", key.getBytes(StandardCharsets.UTF_8).length, MAX_KEY_BYTES);
        requireAtMost("value of '" + key + "'", value.size(), config.maxValueBytes());
        if (records.put(key, value)) {
            outputs.add(new Output.RecordChanged(self, key));
        }
    }

    /** Removes {@code key} from this node's own record: leaves a tombstone, and where there are many of them the record begins anew under the next boot. */
    public void remove(String key, long now) {
        advance(now);
        if (records.remove(key)) {
            outputs.add(new Output.RecordChanged(self, key));
            if (records.isWornOut()) {
                swim.renewBoot();
            }
        }
    }

    /** What was right when it was taken in, or made, may not be what this node would take in now. */
    public boolean refuses(DesiredObject object) {
        return guard.refusal(object) != null;
    }

    /**
     * A write by this node (a manager): {@code object} is signed and its generation is one above what is here.
     * Emits {@link Output.DesiredChanged}, and {@link Output.Replicated} each time one more node has it on disk.
     *
     * @throws ObjectRefusedException   where the guard refuses it: the others would not take it either
     * @throws IllegalArgumentException where it is too large, or does not supersede what is here
     */
    public void write(DesiredObject object, long now) {
        advance(now);
        requireAtMost("body of object " + object.uid(), object.body().size(), config.maxValueBytes());
        if (!desired.lacks(object)) {
            DesiredObject here = desired.get(object.uid());
            throw new IllegalArgumentException("object " + object.uid() + ": generation " + object.generation()
                    + " does not supersede generation " + here.generation() + (here.deleted() ? ", which is deleted" : ""));
        }
        String refusal = guard.refusal(object);
        if (refusal != null) {
            throw new ObjectRefusedException("object " + object.uid() + " is refused: " + refusal);
        }
        desired.join(object);
        copies.wrote(object);
        spread.add(object, Spread.Source.OWN);
        antiEntropy.desiredChanged(now);
        outputs.add(new Output.DesiredChanged(desired.get(object.uid())));
    }

    /** {@code uid} up to {@code generation} is on this node's disk: acknowledges it to the node that wrote it. */
    public void persisted(String uid, long generation, long now) {
        advance(now);
        copies.persisted(uid, generation, (writer, message) -> {
            Member member = swim.members().get(writer);
            if (member != null) {
                send(member, message);
            }
        }, outputs::add);
    }

    /** Tells the others that this node goes for good ({@code docker swarm leave}, an orderly shutdown does not). */
    public void leave(long now) {
        advance(now);
        if (swim.self().status() != MemberStatus.LEFT) {
            swim.leave();
        }
    }

    /**
     * {@code docker node rm}: forgets a dead or left member and its record, here and, by and by, everywhere. Unknown: nothing happens. It
     * comes back as a new member only under a higher boot.
     *
     * @throws IllegalArgumentException where the member is up
     */
    public void forget(NodeId node, long now) {
        advance(now);
        Member member = swim.members().get(node);
        if (member == null) {
            return;
        }
        if (member.status().isUp()) {
            throw new IllegalArgumentException("node " + node + " is up (" + member.status() + "): only a dead or left node can be forgotten");
        }
        reception.forget(new Forgotten(node, member.boot()), true);
    }

    /** The outputs since the last call, oldest first. */
    public List<Output> drain() {
        if (started) {
            ownRecord.gather(time);
            spread.flush(swim.members(), time, this::send);
        }
        List<Output> drained = List.copyOf(outputs);
        outputs.clear();
        return drained;
    }

    /** All known members, this node included. A read-only view, valid until the next input. */
    public SortedMap<NodeId, Member> members() {
        return swim.members().view();
    }

    public Desired desired() {
        return desired;
    }

    public Records records() {
        return records;
    }

    /** Eight bytes that are equal on two nodes iff (but for chance) they know the same: for tests, metrics and debugging. */
    public long viewFingerprint() {
        return antiEntropy.viewFingerprint();
    }

    /** More of the state is on its way from a peer: what is here is a part of it. Ends by itself where the peer stops to send. */
    public boolean isCatchingUp(long now) {
        return antiEntropy.catchUp().isUnderWay(now);
    }

    /** See {@link GossipConfig#maxValueBytes}. */
    public int maxValueBytes() {
        return config.maxValueBytes();
    }

    /** How much this node doubts its own health, 0 (well) to {@link GossipConfig#awarenessMax}. */
    public int awareness() {
        return swim.awareness();
    }

    private void advance(long now) {
        if (now < time) {
            throw new IllegalArgumentException("time went back from " + time + " to " + now);
        }
        time = now;
        if (started) {
            swim.notice(now);
        }
    }

    private Bytes keyOf(NodeId node) {
        Member member = swim.members().get(node);
        return member == null ? Bytes.EMPTY : member.key();
    }

    private void send(Member to, Message message) {
        outputs.add(new Output.Send(to.endpoint(), message));
    }

    private static void requireAtMost(String what, int bytes, int maxBytes) {
        if (bytes > maxBytes) {
            throw new IllegalArgumentException(what + " has " + bytes + " bytes, at most " + maxBytes + " are possible");
        }
    }

    private final class SwimHost implements Swim.Host {
        @Override
        public void send(Endpoint to, Message message) {
            outputs.add(new Output.Send(to, message));
        }

        @Override
        public void changed(Member before, Member now, boolean own) {
            outputs.add(new Output.MemberChanged(before, now));
            if (now == null) {
                return;
            }
            if (now.id().equals(self) && now.boot() != before.boot()) {
                records.raiseBoot(now.boot());
                ownRecord.startOver();
                outputs.add(new Output.RecordChanged(self, null));
            }
            if ((own || reception.isForwarding()) && now.status() != MemberStatus.SUSPECT) { // a suspicion travels with its accuser's name
                boolean introduces = now.status() == MemberStatus.ALIVE && !now.id().equals(self);
                spread.add(now, own && !introduces ? Spread.Source.OWN : Spread.Source.RELAYED);
            }
        }

        @Override
        public void suspected(Suspected suspicion, boolean own) {
            if (own || reception.isForwarding()) {
                spread.add(suspicion, own ? Spread.Source.OWN : Spread.Source.RELAYED);
            }
        }

        @Override
        public long viewFingerprint() {
            return antiEntropy.viewFingerprint();
        }

        @Override
        public boolean isEnrolled(NodeId node) {
            return reception.isEnrolled(node);
        }

        @Override
        public void refused(NodeId teller, Refusal reason) {
            reception.refused(teller, reason);
        }

        @Override
        public void compare(Member peer, long viewFingerprint) {
            antiEntropy.compare(peer, viewFingerprint, time);
        }
    }
}
