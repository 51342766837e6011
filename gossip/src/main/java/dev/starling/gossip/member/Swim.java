package dev.starling.gossip.member;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import dev.starling.gossip.Refusal;
import dev.starling.gossip.message.Message;
import java.util.Collection;
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
 * <p>How a suspicion is sped up: who hears of it probes the suspect too, about four nodes at once, so that a real crash is
 * confirmed within one probe. How it is kept honest: the suspect is told first of all and refutes; a node whose own ticks come late moves
 * all its deadlines by as much and doubts itself ({@link Awareness}); so does one whose helpers do not answer either.
 *
 * <p>Who does what: {@link Probing} asks and answers, {@link Claims} judges what is said of others, {@link OwnMembership} contradicts what is
 * said of this node, {@link Reconnection} looks for those that are not heard of. This class gives them their turns.
 */
public final class Swim {
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

    private final RandomGenerator random;
    private final Host host;
    private final Members members;
    private final Testimony testimony;
    private final Awareness awareness;
    private final OwnMembership own;
    private final Probing probing;
    private final Suspicions suspicions;
    private final ProbeOrder order;
    private final Claims claims;
    private final Reconnection reconnection;
    private final long probeInterval;
    private final long probeTimeout;
    private long nextProbe = Long.MAX_VALUE;

    public Swim(GossipConfig config, Member self, RandomGenerator random, NodeSigning signing, Host host) {
        this.random = random;
        this.host = host;
        probeInterval = config.probeInterval().toMillis();
        probeTimeout = config.probeTimeout().toMillis();
        members = new Members(self.id());
        awareness = new Awareness(config.awarenessMax());
        own = new OwnMembership(self, members, awareness, random, signing, host, probeTimeout);
        testimony = new Testimony(members, signing, host::isEnrolled, host::refused);
        probing = new Probing(config, members, own, awareness, random, signing, testimony, host, this::unanswered);
        suspicions = new Suspicions(config);
        order = new ProbeOrder(self.id(), random);
        claims = new Claims(members, own, suspicions, order, probing, random, signing, testimony, host);
        reconnection = new Reconnection(members, probing, random, probeInterval, config.seedRetry().toMillis());
    }

    public Members members() {
        return members;
    }

    public Member self() {
        return own.self();
    }

    /** 0 is well; see {@link Awareness}. */
    public int awareness() {
        return awareness.score();
    }

    /** Members known from before: a suspicion of then is void, a death is not (had it been refuted, the refutation outranks it). */
    public void restore(Collection<Member> lastKnown) {
        for (Member member : lastKnown) {
            if (!member.id().equals(self().id())) {
                members.join(member.status() == MemberStatus.SUSPECT ? member.with(MemberStatus.ALIVE) : member);
            }
        }
    }

    public void start(Collection<Endpoint> seeds, long now) {
        nextProbe = now;
        reconnection.start(seeds, self().endpoint(), now);
        for (NodeId id : members.sample(Reconnection.CONTACT_BURST, null, random)) {
            probing.probe(members.get(id), now);
        }
    }

    // ---- time

    public long nextTick() {
        return Math.min(Math.min(Math.min(nextProbe, reconnection.nextTick()), Math.min(probing.nextTick(), suspicions.next())),
                own.nextRefutation());
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
        probing.postpone(pause);
        suspicions.postpone(pause);
        nextProbe = Math.max(nextProbe, now);
        reconnection.resume(now);
    }

    public void tick(long now) {
        own.refuteIfDue(now);
        probing.tick(now);
        claims.tick(now);
        reconnection.contactSeedsIfDue(now);
        if (nextProbe <= now) {
            nextProbe = now + awareness.scale(probeInterval);
            NodeId target = order.next(members);
            if (target != null) {
                probing.probe(members.get(target), now);
            }
        }
        reconnection.contactDeadIfDue(now);
    }

    /** The connection to {@code peer} broke: look at once. */
    public void connectionLost(NodeId peer, long now) {
        if (members.isUp(peer)) {
            probing.introduceAgainTo(peer);
            probing.probe(members.get(peer), now);
        }
    }

    private void unanswered(Member target, long now) {
        claims.suspect(target, now);
    }

    // ---- messages

    public void receive(Teller teller, Message.Ping ping, long now) {
        meet(teller, ping.sender(), now);
        heed(teller, ping.believed(), now);
        probing.answer(teller.id(), ping);
    }

    public void receive(Teller teller, Message.Ack ack, long now) {
        meet(teller, ack.sender(), now);
        heed(teller, ack.believed(), now);
        reconnection.heard();
        probing.receive(teller.id(), ack);
        Member peer = members.get(teller.id());
        if (peer != null) {
            host.compare(peer, ack.viewFingerprint());
        }
    }

    public void receive(Teller teller, Message.PingRequest request, long now) {
        probing.receive(teller, request, now);
    }

    public void receive(Teller teller, Message.IndirectAck ack) {
        probing.receive(teller, ack);
    }

    public void receive(NodeId from, Message.Nack nack) {
        probing.receive(from, nack);
    }

    private void meet(Teller teller, Member sender, long now) {
        if (sender != null && sender.id().equals(teller.id()) && sender.role() == teller.role()) {
            Member admitted = testimony.admit(sender, teller);
            if (admitted != null) {
                claims.take(admitted, true, now);
            }
        }
    }

    private void heed(Teller teller, Member believed, long now) {
        if (believed != null && believed.id().equals(self().id())) {
            Member admitted = testimony.admit(believed, teller);
            if (admitted != null) {
                own.heed(admitted, now);
            }
        }
    }

    // ---- claims

    /** See {@link Claims#hear(Member, Teller, long)}. */
    public void hear(Member claim, Teller teller, long now) {
        claims.hear(claim, teller, now);
    }

    /** A claim out of another view: see {@link Claims#learn}. */
    public void learn(Member claim, Teller teller, long now) {
        claims.learn(claim, teller, now);
    }

    /** {@code suspicion} as its accuser told it, perhaps through others. */
    public void hear(Suspected suspicion, Teller teller, long now) {
        claims.hear(suspicion, teller, now);
    }

    /** An operator removed a node: see {@link Forgotten}; it is proven. True where it is news. */
    public boolean hear(Forgotten removal) {
        return claims.hear(removal);
    }

    // ---- this node itself

    /** See {@link OwnMembership#outbidBoot}. */
    public void outbidBoot(long boot) {
        own.outbidBoot(boot);
    }

    /** See {@link OwnMembership#renewBoot}. */
    public void renewBoot() {
        own.renewBoot();
    }

    /** Says goodbye for good. */
    public void leave() {
        own.leave();
        nextProbe = Long.MAX_VALUE;
        reconnection.stop();
        probing.stop();
        claims.stop();
    }
}
