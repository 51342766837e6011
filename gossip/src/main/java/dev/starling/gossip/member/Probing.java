package dev.starling.gossip.member;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Deadlines;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import dev.starling.gossip.message.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * Are the others there? One probe, from its first ping to an answer or none:
 *
 * <pre>
 *   direct      ping, repeated while it is not answered; probeTimeout over      -> indirect
 *   indirect    k helpers are asked to ping; probeTimeout over                  -> nobody answers for it: {@link Unanswered}
 *   either      the target's ack, or a helper's word that it got one            -> done
 * </pre>
 *
 * Also what this node probes for others, and to whom it still has to introduce itself.
 */
final class Probing {
    private static final int REPEATS = 4;

    /** A probe ended without any answer: {@code target} as it stands now. */
    interface Unanswered {
        void accept(Member target, long now);
    }

    /** @param number drawn at random, for helpers to bring back with the target's signature */
    private record Probe(long begun, Member target, Member introducedAs, long number, List<NodeId> helpers, List<NodeId> nacks) {}

    private final Members members;
    private final OwnMembership own;
    private final Awareness awareness;
    private final RandomGenerator random;
    private final NodeSigning signing;
    private final Testimony testimony;
    private final Swim.Host host;
    private final Unanswered unanswered;
    private final int indirectProbes;
    private final long probeTimeout;

    private final TreeMap<Long, Probe> probes = new TreeMap<>();
    private final TreeMap<NodeId, Long> probing = new TreeMap<>();
    private final Deadlines<Long> deadlines = new Deadlines<>();
    private final Deadlines<Long> repeats = new Deadlines<>();
    private final Relays relays = new Relays();
    /** As whom this node has introduced itself to a peer that has acknowledged it since. */
    private final TreeMap<NodeId, Member> introduced = new TreeMap<>();
    private long sequence;

    Probing(GossipConfig config, Members members, OwnMembership own, Awareness awareness, RandomGenerator random, NodeSigning signing,
            Testimony testimony, Swim.Host host, Unanswered unanswered) {
        this.members = members;
        this.own = own;
        this.awareness = awareness;
        this.random = random;
        this.signing = signing;
        this.testimony = testimony;
        this.host = host;
        this.unanswered = unanswered;
        indirectProbes = config.indirectProbes();
        probeTimeout = config.probeTimeout().toMillis();
    }

    // ---- time

    long nextTick() {
        return Math.min(repeats.next(), Math.min(deadlines.next(), relays.next()));
    }

    void postpone(long millis) {
        deadlines.postpone(millis);
        repeats.postpone(millis);
        relays.postpone(millis);
    }

    void tick(long now) {
        for (Long due = repeats.pollDue(now); due != null; due = repeats.pollDue(now)) {
            repeat(due, now);
        }
        for (Long due = deadlines.pollDue(now); due != null; due = deadlines.pollDue(now)) {
            timedOut(due, now);
        }
        for (Relays.Relay relay = relays.pollUnanswered(now); relay != null; relay = relays.pollUnanswered(now)) {
            sendTo(relay.origin(), new Message.Nack(relay.originSequence()));
        }
    }

    // ---- this node's probes

    void probe(Member target, long now) {
        if (probing.containsKey(target.id()) || own.hasLeft()) {
            return;
        }
        long number = ++sequence;
        Member introduction = introductionTo(target.id());
        probes.put(number, new Probe(now, target, introduction, random.nextLong(), new ArrayList<>(), new ArrayList<>()));
        probing.put(target.id(), number);
        deadlines.set(number, now + awareness.scale(probeTimeout));
        repeats.set(number, now + repeatAfter());
        host.send(target.endpoint(), new Message.Ping(number, introduction, doubtAbout(target)));
    }

    /** A ping that no verdict hangs on, by a node that introduces itself; {@code believed} may be null. */
    void greet(Endpoint to, Member believed) {
        host.send(to, new Message.Ping(++sequence, own.self(), believed));
    }

    /** A ping that no verdict hangs on, to a member that may want to refute what is thought of it. */
    void ask(NodeId suspect) {
        sendTo(suspect, new Message.Ping(++sequence, introductionTo(suspect), members.get(suspect)));
    }

    /**
     * A lost probe is not silence: were it taken for that, the time to refute would begin before the silence does, and a stall shorter than that time
     * could be a death. So a probe that is not answered soon is sent up to {@link #REPEATS} times more.
     */
    private void repeat(long number, long now) {
        Probe probe = probes.get(number);
        sendTo(probe.target().id(), new Message.Ping(number, introductionTo(probe.target().id()), doubtAbout(probe.target())));
        if (now < probe.begun() + REPEATS * repeatAfter()) {
            repeats.set(number, now + repeatAfter());
        }
    }

    private long repeatAfter() {
        return Math.max(1, probeTimeout / 10);
    }

    private void timedOut(long number, long now) {
        Probe probe = probes.get(number);
        Member target = members.get(probe.target().id());
        if (target == null || !target.status().isUp()) {
            end(number, probe);
            return;
        }
        introduced.remove(target.id()); // it may have lost its memory, and then cannot answer a stranger
        if (probe.helpers().isEmpty()) {
            List<NodeId> helpers = members.sample(indirectProbes, target.id(), random);
            if (!helpers.isEmpty()) {
                probe.helpers().addAll(helpers);
                deadlines.set(number, now + awareness.scale(probeTimeout));
                helpers.forEach(helper -> sendTo(helper, new Message.PingRequest(number, target, probe.number())));
                return;
            }
        }
        end(number, probe);
        if (!probe.helpers().isEmpty() && probe.nacks().isEmpty()) { // nobody answered: it may well be this node that is cut off
            awareness.worsen(1);
            for (NodeId silent : probe.helpers()) {
                if (members.isUp(silent)) {
                    probe(members.get(silent), now);
                }
            }
        }
        unanswered.accept(target, now);
    }

    private void end(long number, Probe probe) {
        probes.remove(number);
        probing.remove(probe.target().id());
        deadlines.cancel(number);
        repeats.cancel(number);
    }

    /** No more probes; those under way are dropped. */
    void stop() {
        probes.clear();
        probing.clear();
        deadlines.clear();
        repeats.clear();
    }

    // ---- messages

    /** {@code introducing}: it said who it is. A stranger that did not, and whose address is unknown, gets its answer when it does. */
    void answer(NodeId from, Message.Ping ping) {
        Member peer = members.get(from);
        if (peer == null) {
            return;
        }
        boolean stranger = ping.sender() != null && introductionTo(from) != null;
        Member introduction = stranger || ping.believed() != null ? own.self() : null;
        Bytes answer = ping.question() == null ? null
                : signing.sign(new Answer(own.self().id(), ping.question().asker(), ping.question().number(), Bytes.EMPTY).statement());
        host.send(peer.endpoint(), new Message.Ack(ping.sequence(), introduction, doubtAbout(peer), host.viewFingerprint(), answer));
    }

    void receive(NodeId from, Message.Ack ack) {
        Relays.Relay relay = ack.answer() == null ? null : relays.answered(ack.sequence(), from);
        if (relay != null) {
            sendTo(relay.origin(), new Message.IndirectAck(relay.originSequence(), ack.answer()));
        }
        Probe probe = probes.get(ack.sequence());
        if (probe != null && probe.target().id().equals(from)) {
            end(ack.sequence(), probe);
            awareness.improve();
            if (probe.introducedAs() != null) {
                introduced.put(from, probe.introducedAs());
            }
        }
    }

    void receive(Teller teller, Message.PingRequest request, long now) {
        if (request.target().id().equals(own.self().id()) || relays.isFull() || own.hasLeft()) {
            return;
        }
        Member told = testimony.admit(request.target(), teller);
        Member target = told == null ? members.get(request.target().id()) : told;
        if (target == null) {
            return; // nobody is sent to an address that a worker made up
        }
        long number = ++sequence;
        long deadline = now + probeTimeout * 4 / 5; // so that a nack is back before the origin stops to wait
        relays.open(number, new Relays.Relay(teller.id(), request.sequence(), request.target().id()), deadline);
        host.send(target.endpoint(), new Message.Ping(number, introductionTo(target.id()), doubtAbout(target),
                new Message.Question(teller.id(), request.number())));
    }

    void receive(Teller teller, Message.IndirectAck ack) {
        Probe probe = probes.get(ack.sequence());
        if (probe != null && probe.helpers().contains(teller.id())
                && testimony.admits(new Answer(probe.target().id(), own.self().id(), probe.number(), ack.answer()), teller)) {
            end(ack.sequence(), probe);
        }
    }

    void receive(NodeId from, Message.Nack nack) {
        Probe probe = probes.get(nack.sequence());
        if (probe != null && probe.helpers().contains(from) && !probe.nacks().contains(from)) {
            probe.nacks().add(from);
        }
    }

    // ---- introductions

    /** This node as it introduces itself to {@code peer}; null where the peer knows. */
    private Member introductionTo(NodeId peer) {
        return own.self().equals(introduced.get(peer)) ? null : own.self();
    }

    /** {@code peer} started again, or its connection broke: it may not know this node any more. */
    void introduceAgainTo(NodeId peer) {
        introduced.remove(peer);
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
}
