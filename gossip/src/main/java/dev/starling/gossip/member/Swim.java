package dev.starling.gossip.member;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Deadlines;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import dev.starling.gossip.Refusal;
import dev.starling.gossip.message.Message;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * Who is in the cluster and who is up: SWIM (Das et al. 2002) with Lifeguard (Dadgar et al. 2018), without I/O, clock or thread.
 *
 * <pre>
 *   state    event                                                    next
 *   ALIVE    no answer to a probe, direct and through others       -> SUSPECT, told with the accuser's name
 *   SUSPECT  the member raises its incarnation                     -> ALIVE
 *   SUSPECT  its time is over (shorter with each more accuser)     -> DEAD
 *   DEAD     contacted now and then; the member raises incarnation -> ALIVE
 *   any      the member says so                                    -> LEFT
 *   any      the member starts again, with a higher boot           -> ALIVE
 * </pre>
 *
 * <p>How a suspicion is sped up: who hears of it probes the suspect too, about {@link #CONFIRMERS} nodes at once, so that a real crash is
 * confirmed within one probe. How it is kept honest: the suspect is told first of all and refutes; a node whose own ticks come late moves
 * all its deadlines by as much and doubts itself ({@link Awareness}); so does one whose helpers do not answer either.
 *
 * <p>What others tell of members goes through {@link Testimony} first: a node that was taken over can lie about itself and nothing else.
 */
public final class Swim {
    /** How many of those who hear of a suspicion try for themselves. */
    private static final int CONFIRMERS = 4;
    /** A death that so many workers have told of is not told again: as many accusers bring each suspicion to its end. */
    private static final int ENOUGH_TELLERS = 3;
    /** A dead member, picked at random, is contacted once in this many probe intervals: this is what heals a partition. */
    private static final int DEAD_CONTACT_INTERVALS = 8;
    private static final int PROBE_REPEATS = 4;
    /** Members contacted at once at the start, and while there is nobody to talk to. */
    private static final int CONTACT_BURST = 32;

    /** What the machine around does for this one. */
    public interface Host {
        void send(Endpoint to, Message message);

        /** A member is new ({@code before} null), changed, or gone ({@code now} null). It is news here; {@code own}: it began here. */
        void changed(Member before, Member now, boolean own);

        /** A suspicion or one more accuser is news here. */
        void suspected(Suspected suspicion, boolean own);

        long viewFingerprint();

        /** {@code peer} answered and its view has this fingerprint. */
        void compare(Member peer, long viewFingerprint);

        /** Whether a manager has enrolled {@code node}. */
        boolean isEnrolled(NodeId node);

        void refused(NodeId teller, Refusal reason);
    }

    /** @param number drawn at random, for helpers to bring back with the target's signature */
    private record Probe(long begun, Member target, Member introducedAs, long number, List<NodeId> relays, List<NodeId> nacks) {}

    private final GossipConfig config;
    private final RandomGenerator random;
    private final Host host;
    private final NodeSigning signing;
    private final Members members;
    private final Testimony testimony;
    /** How many have told of a suspect that it is dead. */
    private final TreeMap<NodeId, Integer> toldDead = new TreeMap<>();
    private final Awareness awareness;
    private final ProbeOrder order;
    private final long probeInterval;
    private final long probeTimeout;

    private final TreeMap<Long, Probe> probes = new TreeMap<>();
    private final TreeMap<NodeId, Long> probing = new TreeMap<>();
    private final Deadlines<Long> probeDeadlines = new Deadlines<>();
    private final Deadlines<Long> probeRepeats = new Deadlines<>();
    private final Relays relays = new Relays();
    private final Suspicions suspicions;
    /** As whom this node has introduced itself to a peer that has acknowledged it since. */
    private final TreeMap<NodeId, Member> introduced = new TreeMap<>();

    private Member self;
    private List<Endpoint> seeds = List.of();
    private boolean heardOfAnyone;
    private Member claimAboutSelf;
    private long refuteNotBefore = Long.MIN_VALUE;
    private long sequence;
    private long nextProbe = Long.MAX_VALUE;
    private long nextDeadContact = Long.MAX_VALUE;
    private long nextSeedContact = Long.MAX_VALUE;

    public Swim(GossipConfig config, Member self, RandomGenerator random, NodeSigning signing, Host host) {
        this.config = config;
        this.self = self.signedBy(signing);
        this.random = random;
        this.signing = signing;
        this.host = host;
        members = new Members(self.id());
        members.join(this.self);
        testimony = new Testimony(members, signing, host::isEnrolled, host::refused);
        awareness = new Awareness(config.awarenessMax());
        suspicions = new Suspicions(config);
        order = new ProbeOrder(self.id(), random);
        probeInterval = config.probeInterval().toMillis();
        probeTimeout = config.probeTimeout().toMillis();
    }

    public Members members() {
        return members;
    }

    public Member self() {
        return self;
    }

    /** 0 is well; see {@link Awareness}. */
    public int awareness() {
        return awareness.score();
    }

    /** Members known from before: a suspicion of then is void, a death is not (had it been refuted, the refutation outranks it). */
    public void restore(Collection<Member> lastKnown) {
        for (Member member : lastKnown) {
            if (!member.id().equals(self.id())) {
                members.join(member.status() == MemberStatus.SUSPECT ? member.with(MemberStatus.ALIVE) : member);
            }
        }
    }

    public void start(Collection<Endpoint> seedEndpoints, long now) {
        seeds = seedEndpoints.stream().filter(seed -> !seed.equals(self.endpoint())).distinct().toList();
        nextSeedContact = now;
        nextProbe = now;
        nextDeadContact = now + DEAD_CONTACT_INTERVALS * probeInterval;
        for (NodeId id : members.sample(CONTACT_BURST, null, random)) {
            probe(members.get(id), now);
        }
    }

    // ---- time

    public long nextTick() {
        long next = Math.min(Math.min(nextProbe, nextDeadContact), nextSeedContact);
        next = Math.min(Math.min(next, probeRepeats.next()), Math.min(probeDeadlines.next(), Math.min(relays.next(), suspicions.next())));
        return claimAboutSelf == null ? next : Math.min(next, refuteNotBefore);
    }

    /**
     * Call before every input. Where this node was not run when it wanted to be, what it waited for may be in a queue behind: every
     * deadline moves by the delay and one probe timeout, and the node doubts itself.
     */
    public void notice(long now) {
        long next = nextTick();
        long late = next >= now ? 0 : now - next;
        if (late <= Math.max(20, probeTimeout / 4) || nextProbe == Long.MAX_VALUE) {
            return;
        }
        awareness.worsen((int) Math.min(3, 1 + late / probeInterval));
        long pause = late + probeTimeout; // what waits in the queue comes first, and nothing is decided before it
        probeDeadlines.postpone(pause);
        probeRepeats.postpone(pause);
        relays.postpone(pause);
        suspicions.postpone(pause);
        nextProbe = Math.max(nextProbe, now);
        nextSeedContact = Math.max(nextSeedContact, now);
        nextDeadContact = Math.max(nextDeadContact, now);
    }

    public void tick(long now) {
        refuteIfDue(now);
        for (Long due = probeRepeats.pollDue(now); due != null; due = probeRepeats.pollDue(now)) {
            repeat(due, now);
        }
        for (Long due = probeDeadlines.pollDue(now); due != null; due = probeDeadlines.pollDue(now)) {
            unanswered(due, now);
        }
        for (Relays.Relay relay = relays.pollUnanswered(now); relay != null; relay = relays.pollUnanswered(now)) {
            sendTo(relay.origin(), new Message.Nack(relay.originSequence()));
        }
        for (NodeId suspect = suspicions.pollToAsk(now); suspect != null; suspect = suspicions.pollToAsk(now)) {
            sendTo(suspect, new Message.Ping(++sequence, introductionTo(suspect), members.get(suspect)));
        }
        for (NodeId suspect = suspicions.pollOver(now); suspect != null; suspect = suspicions.pollOver(now)) {
            take(members.get(suspect).with(MemberStatus.DEAD), toldDead.getOrDefault(suspect, 0) < ENOUGH_TELLERS, now);
        }
        if (nextSeedContact <= now) {
            nextSeedContact = now + config.seedRetry().toMillis();
            contactSeeds(now);
        }
        if (nextProbe <= now) {
            nextProbe = now + awareness.scale(probeInterval);
            NodeId target = order.next(members);
            if (target != null) {
                probe(members.get(target), now);
            }
        }
        if (nextDeadContact <= now) {
            nextDeadContact = now + DEAD_CONTACT_INTERVALS * probeInterval;
            contactDead(1, now);
        }
    }

    private void contactSeeds(long now) {
        if (heardOfAnyone && !members.up().isEmpty()) {
            return;
        }
        for (Endpoint seed : seeds) {
            host.send(seed, new Message.Ping(++sequence, self, null));
        }
        contactDead(CONTACT_BURST, now);
    }

    private void contactDead(int count, long now) {
        List<Member> dead = new ArrayList<>();
        for (Member member : members.view().values()) {
            if (member.status() == MemberStatus.DEAD) {
                dead.add(member);
            }
        }
        for (int i = 0; i < count && !dead.isEmpty(); i++) {
            Member member = dead.remove(random.nextInt(dead.size()));
            host.send(member.endpoint(), new Message.Ping(++sequence, self, member));
        }
    }

    // ---- probes

    /** The connection to {@code peer} broke: look at once. */
    public void connectionLost(NodeId peer, long now) {
        if (members.isUp(peer)) {
            introduced.remove(peer);
            probe(members.get(peer), now);
        }
    }

    private void probe(Member target, long now) {
        if (probing.containsKey(target.id()) || hasLeft()) {
            return;
        }
        long number = ++sequence;
        Member introduction = introductionTo(target.id());
        probes.put(number, new Probe(now, target, introduction, random.nextLong(), new ArrayList<>(), new ArrayList<>()));
        probing.put(target.id(), number);
        probeDeadlines.set(number, now + awareness.scale(probeTimeout));
        probeRepeats.set(number, now + repeatAfter());
        host.send(target.endpoint(), new Message.Ping(number, introduction, doubtAbout(target)));
    }

    /**
     * A lost probe is not silence: were it taken for that, the time to refute would begin before the silence does, and a stall shorter than that time
     * could be a death. So a probe that is not answered soon is sent up to {@link #PROBE_REPEATS} times more.
     */
    private void repeat(long number, long now) {
        Probe probe = probes.get(number);
        sendTo(probe.target().id(), new Message.Ping(number, introductionTo(probe.target().id()), doubtAbout(probe.target())));
        if (now < probe.begun() + PROBE_REPEATS * repeatAfter()) {
            probeRepeats.set(number, now + repeatAfter());
        }
    }

    private long repeatAfter() {
        return Math.max(1, probeTimeout / 10);
    }

    private void unanswered(long number, long now) {
        Probe probe = probes.get(number);
        Member target = members.get(probe.target().id());
        if (target == null || !target.status().isUp()) {
            forgetProbe(number, probe);
            return;
        }
        introduced.remove(target.id()); // it may have lost its memory, and then cannot answer a stranger
        if (probe.relays().isEmpty()) {
            List<NodeId> helpers = members.sample(config.indirectProbes(), target.id(), random);
            if (!helpers.isEmpty()) {
                probe.relays().addAll(helpers);
                probeDeadlines.set(number, now + awareness.scale(probeTimeout));
                helpers.forEach(helper -> sendTo(helper, new Message.PingRequest(number, target, probe.number())));
                return;
            }
        }
        forgetProbe(number, probe);
        if (!probe.relays().isEmpty() && probe.nacks().isEmpty()) { // nobody answered: it may well be this node that is cut off
            awareness.worsen(1);
            for (NodeId silent : probe.relays()) {
                if (members.isUp(silent)) {
                    probe(members.get(silent), now);
                }
            }
        }
        accuse(Suspected.by(self.id(), target.with(MemberStatus.SUSPECT), signing), true, now);
    }

    private void forgetProbe(long number, Probe probe) {
        probes.remove(number);
        probing.remove(probe.target().id());
        probeDeadlines.cancel(number);
        probeRepeats.cancel(number);
    }

    // ---- messages

    public void receive(Teller teller, Message.Ping ping, long now) {
        NodeId from = teller.id();
        meet(teller, ping.sender(), now);
        heed(teller, ping.believed(), now);
        Member peer = members.get(from);
        if (peer == null) {
            return; // a stranger that did not say where it lives: its next probe will
        }
        boolean stranger = ping.sender() != null && introductionTo(from) != null;
        Member introduction = stranger || ping.believed() != null ? self : null;
        Bytes answer = ping.question() == null ? null
                : signing.sign(new Answer(self.id(), ping.question().asker(), ping.question().number(), Bytes.EMPTY).statement());
        host.send(peer.endpoint(), new Message.Ack(ping.sequence(), introduction, doubtAbout(peer), host.viewFingerprint(), answer));
    }

    public void receive(Teller teller, Message.Ack ack, long now) {
        NodeId from = teller.id();
        meet(teller, ack.sender(), now);
        heed(teller, ack.believed(), now);
        heardOfAnyone = true;
        Relays.Relay relay = ack.answer() == null ? null : relays.answered(ack.sequence(), from);
        if (relay != null) {
            sendTo(relay.origin(), new Message.IndirectAck(relay.originSequence(), ack.answer()));
        }
        Probe probe = probes.get(ack.sequence());
        if (probe != null && probe.target().id().equals(from)) {
            forgetProbe(ack.sequence(), probe);
            awareness.improve();
            if (probe.introducedAs() != null) {
                introduced.put(from, probe.introducedAs());
            }
        }
        Member peer = members.get(from);
        if (peer != null) {
            host.compare(peer, ack.viewFingerprint());
        }
    }

    public void receive(Teller teller, Message.PingRequest request, long now) {
        NodeId from = teller.id();
        if (request.target().id().equals(self.id()) || relays.isFull() || hasLeft()) {
            return;
        }
        Member known = members.get(request.target().id());
        Member told = testimony.admit(request.target(), teller);
        Member target = told == null ? known : told;
        if (target == null) {
            return; // nobody is sent to an address that a worker made up
        }
        long number = ++sequence;
        long deadline = now + probeTimeout * 4 / 5; // so that a nack is back before the origin stops to wait
        relays.open(number, new Relays.Relay(from, request.sequence(), request.target().id()), deadline);
        host.send(target.endpoint(), new Message.Ping(number, introductionTo(target.id()), doubtAbout(target), new Message.Question(from, request.number())));
    }

    public void receive(Teller teller, Message.IndirectAck ack) {
        Probe probe = probes.get(ack.sequence());
        if (probe != null && probe.relays().contains(teller.id())
                && testimony.admits(new Answer(probe.target().id(), self.id(), probe.number(), ack.answer()), teller)) {
            forgetProbe(ack.sequence(), probe);
        }
    }

    public void receive(NodeId from, Message.Nack nack) {
        Probe probe = probes.get(nack.sequence());
        if (probe != null && probe.relays().contains(from) && !probe.nacks().contains(from)) {
            probe.nacks().add(from);
        }
    }

    private void meet(Teller teller, Member sender, long now) {
        if (sender != null && sender.id().equals(teller.id()) && sender.role() == teller.role()) {
            Member admitted = testimony.admit(sender, teller);
            if (admitted != null) {
                take(admitted, true, now);
            }
        }
    }

    private void heed(Teller teller, Member believed, long now) {
        if (believed != null && believed.id().equals(self.id())) {
            Member admitted = testimony.admit(believed, teller);
            if (admitted != null) {
                take(admitted, false, now);
            }
        }
    }

    /** This node as it introduces itself to {@code peer}; null where the peer knows. */
    private Member introductionTo(NodeId peer) {
        return self.equals(introduced.get(peer)) ? null : self;
    }

    private static Member doubtAbout(Member peer) {
        return peer.status() == MemberStatus.ALIVE ? null : peer;
    }

    private void sendTo(NodeId id, Message message) {
        Member member = members.get(id);
        if (member != null) {
            host.send(member.endpoint(), message);
        }
    }

    // ---- claims

    /** A claim that was pushed. A death is taken as it is from a manager; out of a worker's mouth it is that worker's accusation. */
    public void hear(Member claim, Teller teller, long now) {
        Member admitted = testimony.admit(claim, teller);
        if (admitted == null) {
            return;
        }
        if (!isDeathOfOneWhoIsUp(admitted) || teller.isManager()) {
            take(admitted, false, now);
        } else if (doubt(admitted.with(MemberStatus.SUSPECT), now)) {
            toldDead.merge(admitted.id(), 1, Integer::sum);
            suspicions.accuse(admitted.id(), teller.id(), now); // its word to this node, not to be told on: it did not sign it
        }
    }

    /**
     * A claim out of another view. A death in it may be stale: of two halves that meet again, each holds the other for dead. So the member is
     * suspected and asked rather than declared dead.
     */
    public void learn(Member claim, Teller teller, long now) {
        Member admitted = testimony.admit(claim, teller);
        if (admitted == null) {
            return;
        }
        if (isDeathOfOneWhoIsUp(admitted) || admitted.status() == MemberStatus.SUSPECT && !admitted.id().equals(self.id())) {
            doubt(admitted.with(MemberStatus.SUSPECT), now);
        } else {
            take(admitted, false, now);
        }
    }

    private boolean isDeathOfOneWhoIsUp(Member claim) {
        return claim.status() == MemberStatus.DEAD && members.isUp(claim.id());
    }

    /** Suspects and asks; true where {@code suspect} is what is held of it afterwards. */
    private boolean doubt(Member suspect, long now) {
        if (set(suspect, false, now)) {
            probe(suspect, now);
        }
        return suspect.equals(members.get(suspect.id()));
    }

    /** {@code suspicion} as its accuser told it, perhaps through others. */
    public void hear(Suspected suspicion, Teller teller, long now) {
        Member suspect = suspicion.accuser().equals(self.id()) ? null : testimony.admit(suspicion.suspect(), teller);
        if (suspect != null && (!weighs(suspect, suspicion.accuser()) || testimony.admits(suspicion, teller))) {
            accuse(new Suspected(suspect, suspicion.accuser(), suspicion.signature()), false, now);
        }
    }

    /** Whether an accusation by {@code accuser} would change anything here: only then its signature is worth a check. */
    private boolean weighs(Member suspect, NodeId accuser) {
        Member known = members.get(suspect.id());
        return !suspect.id().equals(self.id())
                && (known == null || suspect.supersedes(known) || suspect.equals(known) && suspicions.counts(suspect.id(), accuser));
    }

    private void accuse(Suspected suspicion, boolean own, long now) {
        Member suspect = suspicion.suspect();
        if (suspect.id().equals(self.id())) {
            take(suspect, false, now);
            return;
        }
        Member known = members.get(suspect.id());
        if (known == null || suspect.supersedes(known)) {
            if (!set(suspect, own, now)) {
                return;
            }
            if (!own && random.nextInt(Math.max(1, members.up().size())) < CONFIRMERS) {
                probe(suspect, now);
            }
        } else if (!suspect.equals(known)) {
            return; // refuted or settled since
        }
        if (suspicions.accuse(suspect.id(), suspicion.accuser(), now)) {
            host.suspected(suspicion, own);
        }
    }

    /** An operator removed a node: see {@link Forgotten}; it is proven. True where it is news. */
    public boolean hear(Forgotten removal, long now) {
        if (removal.id().equals(self.id())) {
            if (removal.boot() >= self.boot() && removal.boot() < Member.MAX_GENERATION) {
                become(new Member(self.id(), self.endpoint(), self.role(), removal.boot() + 1, 0, self.status()));
            }
            return removal.boot() < self.boot() && members.join(removal);
        }
        Member before = members.get(removal.id());
        if (!members.join(removal)) {
            return false;
        }
        if (before != null && members.get(removal.id()) == null) {
            suspicions.close(removal.id());
            toldDead.remove(removal.id());
            host.changed(before, null, false);
        }
        return true;
    }

    /** {@code own}: this node has it first hand, so it is for this node to tell. */
    private void take(Member claim, boolean own, long now) {
        if (!claim.id().equals(self.id())) {
            set(claim, own, now);
        } else if (claim.supersedes(self) && !hasLeft() && (claimAboutSelf == null || claim.supersedes(claimAboutSelf))) {
            claimAboutSelf = claim;
            refuteIfDue(now);
        }
    }

    private boolean set(Member claim, boolean own, long now) {
        Member before = members.get(claim.id());
        if (!members.join(claim)) {
            return false;
        }
        if (before == null || before.boot() != claim.boot()) {
            introduced.remove(claim.id());
        }
        if (claim.status().isUp() && (before == null || !before.status().isUp())) {
            order.add(claim.id(), members);
        }
        suspicions.close(claim.id());
        toldDead.remove(claim.id());
        if (claim.status() == MemberStatus.SUSPECT) {
            suspicions.open(claim.id(), Math.max(0, members.up().size() - 1), now); // witnesses: the others without the suspect
        }
        host.changed(before, claim, own);
        return true;
    }

    // ---- this node itself

    /**
     * Outranks what is claimed of this node. At most once per probe timeout: where two machines run with one key (a cloned disk), they would
     * otherwise outbid each other as fast as the network carries.
     */
    private void refuteIfDue(long now) {
        if (claimAboutSelf == null || now < refuteNotBefore) {
            return;
        }
        Member claim = claimAboutSelf;
        claimAboutSelf = null;
        if (!claim.supersedes(self) || hasLeft()) {
            return;
        }
        refuteNotBefore = now + probeTimeout;
        if (claim.boot() == self.boot() && claim.incarnation() < Member.MAX_GENERATION) {
            if (claim.status() != MemberStatus.ALIVE) {
                awareness.worsen(1); // others did not get our answers in time
            }
            become(self.withIncarnation(claim.incarnation() + 1));
        } else if (claim.boot() < Member.MAX_GENERATION) { // a clone, or a disk older than what the cluster remembers
            become(new Member(self.id(), self.endpoint(), self.role(), claim.boot() + 1, 0, MemberStatus.ALIVE));
        }
    }

    /**
     * Others know more of this node's record under {@code boot} than it has written itself: another disk of this node wrote that, and what
     * both wrote under one boot cannot be told apart. So it goes on under the next one.
     */
    public void outbidBoot(long boot) {
        if (boot >= self.boot() && boot < Member.MAX_GENERATION && !hasLeft()) {
            become(new Member(self.id(), self.endpoint(), self.role(), boot + 1, 0, MemberStatus.ALIVE));
        }
    }

    /** Says goodbye for good. */
    public void leave() {
        become(self.with(MemberStatus.LEFT));
        nextProbe = nextDeadContact = nextSeedContact = Long.MAX_VALUE;
        probes.clear();
        probing.clear();
        probeDeadlines.clear();
        probeRepeats.clear();
        suspicions.closeAll();
        toldDead.clear();
        claimAboutSelf = null;
    }

    private boolean hasLeft() {
        return self.status() == MemberStatus.LEFT;
    }

    private void become(Member next) {
        Member before = self;
        self = next.signedBy(signing);
        members.join(self);
        host.changed(before, self, true);
    }
}
