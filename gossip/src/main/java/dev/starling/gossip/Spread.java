package dev.starling.gossip;

import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.member.Members;
import dev.starling.gossip.member.Suspected;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.record.RecordDelta;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.random.RandomGenerator;

/**
 * Pushes changes at once. What happens between two drains of the machine travels together.
 *
 * <p>With few members the node a change happens on tells all of them, and nobody repeats it. With many it tells {@code pushFanout} at
 * random, and everyone to whom it is news tells 2 + log2(n) more, once: each member is told so often that few changes miss anyone, and
 * the digest exchange finds that.
 */
final class Spread {
    private static final class Pending {
        private final Map<NodeId, Member> members = new LinkedHashMap<>();
        private final List<Suspected> suspected = new ArrayList<>();
        private final List<Forgotten> forgotten = new ArrayList<>();
        private final List<RecordDelta> records = new ArrayList<>();
        private final Map<String, DesiredObject> desired = new LinkedHashMap<>();

        boolean isEmpty() {
            return members.isEmpty() && suspected.isEmpty() && forgotten.isEmpty() && records.isEmpty() && desired.isEmpty();
        }

        void clear() {
            members.clear();
            suspected.clear();
            forgotten.clear();
            records.clear();
            desired.clear();
        }

        List<Changes> cut(int maxBytes) {
            List<Changes> cut = new ArrayList<>();
            Changes.Batch batch = new Changes.Batch(maxBytes);
            members.values().forEach(member -> place(batch, cut, batch.add(member), () -> batch.add(member)));
            suspected.forEach(suspicion -> place(batch, cut, batch.add(suspicion), () -> batch.add(suspicion)));
            forgotten.forEach(removal -> place(batch, cut, batch.add(removal), () -> batch.add(removal)));
            records.forEach(delta -> place(batch, cut, batch.add(delta), () -> batch.add(delta)));
            desired.values().forEach(object -> place(batch, cut, batch.add(object), () -> batch.add(object)));
            if (!batch.isEmpty()) {
                cut.add(batch.take());
            }
            return cut;
        }

        private static void place(Changes.Batch batch, List<Changes> cut, boolean placed, Runnable again) {
            if (!placed) {
                cut.add(batch.take());
                again.run();
            }
        }
    }

    /** Where a piece of news comes from. */
    enum Source {
        /** This node made it, and nobody else tells of it. */
        OWN,
        /** Passed on, or of a node that was met: gathered for {@link #RELAY_INTERVAL_MILLIS} where there is much of it. */
        RELAYED
    }

    /**
     * The first relayed news after a pause goes at once, what follows travels together. So N nodes that join at once cost each node a bounded number
     * of messages a second rather than some per joiner.
     */
    static final long RELAY_INTERVAL_MILLIS = 25;

    private final GossipConfig config;
    private final RandomGenerator random;
    private final Pending own = new Pending();
    private final Pending relayed = new Pending();
    private long nextRelay = Long.MIN_VALUE;

    Spread(GossipConfig config, RandomGenerator random) {
        this.config = config;
        this.random = random;
    }

    void add(Member member, Source source) {
        pending(source).members.put(member.id(), member);
    }

    void add(Suspected suspicion, Source source) {
        pending(source).suspected.add(suspicion);
    }

    void add(Forgotten removal, Source source) {
        pending(source).forgotten.add(removal);
    }

    void add(RecordDelta delta, Source source) {
        pending(source).records.add(delta);
    }

    void add(DesiredObject object, Source source) {
        pending(source).desired.put(object.uid(), object);
    }

    /** When {@link #flush} has something to do; Long.MAX_VALUE for never. */
    long nextTick() {
        return relayed.isEmpty() ? Long.MAX_VALUE : nextRelay;
    }

    /** Hands out what is pending and due; with nobody up it is dropped, since whoever comes next asks for everything. */
    void flush(Members members, long now, BiConsumer<Member, Message> send) {
        int up = members.up().size();
        boolean few = up <= config.pushFanout();
        flush(own, few ? up : config.pushFanout(), !few, members, send);
        if (now >= nextRelay && !relayed.isEmpty()) {
            nextRelay = now + RELAY_INTERVAL_MILLIS;
            int repeats = 2 + 32 - Integer.numberOfLeadingZeros(up); // 2 + log2(n)
            flush(relayed, few ? up : Math.min(repeats, config.pushFanout()), !few, members, send);
        }
    }

    private void flush(Pending pending, int fanout, boolean forward, Members members, BiConsumer<Member, Message> send) {
        if (pending.isEmpty()) {
            return;
        }
        Set<NodeId> targets = new LinkedHashSet<>();
        if (pending == own) { // the accused learns of it first, to refute it; but not from a thousand nodes that pass it on
            pending.suspected.forEach(suspicion -> targets.add(suspicion.suspect().id()));
            pending.members.values().stream().filter(member -> member.status() == MemberStatus.DEAD).forEach(dead -> targets.add(dead.id()));
        }
        targets.addAll(members.sample(fanout, null, random));
        for (Changes changes : pending.cut(config.pieceBytes())) {
            Message push = new Message.Push(forward, changes);
            for (NodeId target : targets) {
                Member member = members.get(target);
                if (member != null) {
                    send.accept(member, push);
                }
            }
        }
        pending.clear();
    }

    private Pending pending(Source source) {
        return source == Source.OWN ? own : relayed;
    }
}
