package dev.starling.gossip;

import dev.starling.gossip.desired.DesiredDigest;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.DesiredState;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberDigest;
import dev.starling.gossip.member.Members;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.message.Message.Delta.Rest;
import dev.starling.gossip.message.Message.DesiredRange;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordDigest;
import dev.starling.gossip.record.RecordTable;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Repairs what pushes missed. A probe's answer carries a fingerprint of the whole view; where it differs, two views are compared:
 *
 * <pre>
 *   A -> B  Summary         only above {@link #FEW_MEMBERS}: a number per bucket; B then begins, with the buckets that differ
 *   A -> B  Digest          all members and records in a few bytes each; desired objects too where they are few
 *   B -> A  Delta, Want     what A lacks; what B lacks (and B's desired objects in short, if A did not tell its own)
 *   A -> B  Delta, Want     what B lacks (...)
 * </pre>
 *
 * Each step answers from the state of the moment. A Delta goes in pieces of at most {@link GossipConfig#pieceBytes}, and no more at a time than
 * {@link GossipConfig#maxMessageBytes}; if that is not all it says so, and its receiver asks again at once as long as that brings it news. Who
 * asks one peer for much, or gets it, asks for nothing else meanwhile: over a slow link every peer would send all of it.
 *
 * <p>Once the desired state has changed and no more has come for a moment, each node sends one other, at random, a Summary without being asked. A push
 * that is passed on at random misses one node in a thousand (30 nodes), and of a burst of writes therefore some node lacks one. It would plan by what it has
 * until a probe's answer told it, up to a second later.
 */
final class AntiEntropy {
    /** Desired objects that a first Digest lists without being asked. */
    private static final int FEW_OBJECTS = 64;
    /** Members that are all listed in a first Digest; with more a Summary comes first. */
    private static final int FEW_MEMBERS = 64;
    /** What a node takes in a digest, as a member and with its record, as a rule. */
    private static final int NODE_ENTRY_BYTES = 96;
    /** What a desired object takes in a digest, at most. */
    private static final int DIGEST_ENTRY_BYTES = 96;
    /** Pushes overtake each other; only then is a missing piece asked for. */
    private static final long GAP_PATIENCE_MILLIS = 50;

    /** The part of {@link GossipConfig#syncInterval} without news of the desired state after which views are compared: some hops of a push. */
    private static final int QUIET_PART = 20;
    /** How many such quiet times a comparison waits at most while more keeps coming. */
    private static final int LONGEST_BURST = 10;

    private record Gap(NodeId source, RecordDigest needed) {}

    private final NodeId self;
    private final GossipConfig config;
    private final Members members;
    private final RecordTable records;
    private final DesiredState desired;
    private final RandomGenerator random;
    private final BiConsumer<Member, Message> send;
    private final Deadlines<NodeId> gapDeadlines = new Deadlines<>();
    private final TreeMap<NodeId, Gap> gaps = new TreeMap<>();
    private final CatchUp catchUp;
    private long nextExchange = Long.MIN_VALUE;
    private String rangeCursor = "";
    private int bucketCursor;
    /** When views are compared because the desired state has changed, and at the latest; Long.MAX_VALUE where it has not since the last time. */
    private long burstOver = Long.MAX_VALUE;
    private long burstLimit = Long.MAX_VALUE;

    AntiEntropy(NodeId self, GossipConfig config, Members members, RecordTable records, DesiredState desired, RandomGenerator random,
            BiConsumer<Member, Message> send) {
        this.self = self;
        this.config = config;
        this.members = members;
        this.records = records;
        this.desired = desired;
        this.random = random;
        this.send = send;
        this.catchUp = new CatchUp(config);
    }

    long viewFingerprint() {
        return Fingerprint.of("view", members.fingerprints().total(), records.fingerprints().total(), desired.fingerprint());
    }

    void compare(Member peer, long theirFingerprint, long now) {
        if (theirFingerprint != viewFingerprint() && now >= nextExchange && !catchUp.isUnderWay(now)) {
            nextExchange = now + config.syncInterval().toMillis();
            begin(peer);
        }
    }

    CatchUp catchUp() {
        return catchUp;
    }

    /** A piece of what this node lacked is taken in; {@code news}: it brought some. */
    void took(Member peer, Rest rest, boolean news, long now) {
        if (rest == Rest.NONE || rest == Rest.ASK_AGAIN && !news) {
            catchUp.ends(peer.id());
        } else if (catchUp.goesOn(peer.id(), now) && rest == Rest.ASK_AGAIN) {
            catchUp.awaitsDigest(!areFewMembers());
            begin(peer);
        }
    }

    private void begin(Member peer) {
        send.accept(peer, areFewMembers() ? digest(null) : summary());
    }

    private boolean areFewMembers() {
        return members.view().size() + members.forgotten().size() <= FEW_MEMBERS;
    }

    private Message summary() {
        return new Message.Summary(IntStream.range(0, BucketFingerprints.COUNT).mapToObj(this::summaryOf).toList(), desired.fingerprint());
    }

    /** Somebody may have missed what this node has just learned, and this node what came with it. */
    void desiredChanged(long now) {
        long quiet = Math.max(1, config.syncInterval().toMillis() / QUIET_PART);
        burstLimit = burstLimit == Long.MAX_VALUE ? now + LONGEST_BURST * quiet : burstLimit;
        burstOver = Math.min(now + quiet, burstLimit);
    }

    private void compareAfterBurst(long now) {
        if (now < burstOver) {
            return;
        }
        if (catchUp.isUnderWay(now)) {
            burstOver = catchUp.until(); // what it lacks may be on its way; if not, it asks then
            return;
        }
        burstOver = Long.MAX_VALUE;
        burstLimit = Long.MAX_VALUE;
        members.sample(1, null, random).forEach(peer -> send.accept(members.get(peer), summary()));
    }

    void answer(Member peer, Message.Summary theirs, long now) {
        if (catchUp.isUnderWay(now)) {
            return;
        }
        List<Integer> differing = new ArrayList<>();
        int most = Math.max(1, config.maxMessageBytes() / (4 * NODE_ENTRY_BYTES) * BucketFingerprints.COUNT / members.view().size());
        for (int i = 0; i < BucketFingerprints.COUNT && differing.size() < most; i++) {
            bucketCursor = (bucketCursor + 1) % BucketFingerprints.COUNT; // goes on where it stopped: no bucket waits for ever
            if (theirs.buckets().get(bucketCursor) != summaryOf(bucketCursor)) {
                differing.add(bucketCursor);
            }
        }
        if (!differing.isEmpty() || theirs.desiredFingerprint() != desired.fingerprint()) {
            send.accept(peer, digest(differing));
        }
    }

    private int summaryOf(int bucket) {
        return Long.hashCode(Fingerprint.of("bucket", members.fingerprints().of(bucket), records.fingerprints().of(bucket)));
    }

    /** {@code buckets}: null for all. */
    private Message.Digest digest(List<Integer> buckets) {
        Predicate<NodeId> listed = in(buckets);
        return new Message.Digest(buckets,
                members.view().values().stream().filter(member -> listed.test(member.id())).map(MemberDigest::of).toList(),
                members.forgotten().stream().filter(removal -> listed.test(removal.id())).toList(),
                records.nodes().stream().filter(listed).map(records::digest).toList(),
                desired.fingerprint(), desired.size() <= FEW_OBJECTS ? nextRange() : null);
    }

    private static Predicate<NodeId> in(List<Integer> buckets) {
        if (buckets == null) {
            return id -> true;
        }
        BitSet set = new BitSet();
        buckets.forEach(set::set);
        return id -> set.get(BucketFingerprints.bucketOf(id));
    }

    /** {@code delta} came from {@code source} and does not join what is here: asks for what is between, unless it arrives anyway. */
    void gapBefore(RecordDelta delta, NodeId source, long now) {
        if (!gapDeadlines.has(delta.node())) {
            gaps.put(delta.node(), new Gap(source, new RecordDigest(delta.node(), delta.boot(), delta.upTo())));
            gapDeadlines.set(delta.node(), now + GAP_PATIENCE_MILLIS);
        }
    }

    long nextTick() {
        return Math.min(gapDeadlines.next(), burstOver);
    }

    void tick(long now) {
        compareAfterBurst(now);
        for (NodeId node = gapDeadlines.pollDue(now); node != null; node = gapDeadlines.pollDue(now)) {
            Gap gap = gaps.remove(node);
            Member source = members.get(gap.source());
            RecordDigest here = records.digest(node);
            if (source != null && gap.needed().isAheadOf(here)) {
                send.accept(source, new Message.Want(List.of(), List.of(records.reach(node, source.id())), List.of(), null));
            }
        }
    }

    void answer(Member peer, Message.Digest theirs, long now) {
        Answer answer = new Answer(catchUp.mayAsk(peer.id(), now), now);
        Predicate<NodeId> listed = in(theirs.buckets());
        compareForgotten(theirs.forgotten(), listed, answer);
        compareMembers(theirs.members(), listed, answer);
        compareRecords(theirs.records(), peer.id(), listed, answer);
        DesiredRange compare = null;
        if (theirs.desiredFingerprint() != desired.fingerprint()) {
            if (theirs.desired() != null) {
                compareDesired(theirs.desired(), answer);
            } else if (!answer.more) { // else it will ask again
                compare = nextRange();
            }
        }
        answer.send(peer, compare);
    }

    void answer(Member peer, Message.Want want, long now) {
        Answer answer = new Answer(true, now);
        for (NodeId id : want.members()) {
            Member member = members.get(id);
            if (member != null) {
                answer.give(batch -> batch.add(member));
            }
        }
        want.records().forEach(answer::giveRecord);
        answer.giveObjects(want.desired());
        if (want.compare() != null) {
            compareDesired(want.compare(), answer);
        }
        answer.send(peer, null);
    }

    private void compareForgotten(List<Forgotten> theirs, Predicate<NodeId> listed, Answer answer) {
        Map<NodeId, Long> boots = new TreeMap<>();
        theirs.forEach(removal -> boots.put(removal.id(), removal.boot()));
        for (Forgotten removal : members.forgotten()) {
            Long boot = boots.get(removal.id());
            if (boot == null ? listed.test(removal.id()) : boot < removal.boot()) {
                answer.give(batch -> batch.add(removal));
            }
        }
    }

    private void compareMembers(List<MemberDigest> theirs, Predicate<NodeId> listed, Answer answer) {
        Set<NodeId> told = new HashSet<>();
        for (MemberDigest digest : theirs) {
            told.add(digest.id());
            Member here = members.get(digest.id());
            int order = here == null ? -1 : MemberDigest.of(here).compareTo(digest);
            if (order > 0) {
                answer.give(batch -> batch.add(here));
            } else if (order < 0 && digest.boot() > members.forgottenBoot(digest.id())) {
                answer.wantedMembers.add(digest.id());
            }
        }
        for (Member here : members.view().values()) {
            if (!told.contains(here.id()) && listed.test(here.id())) {
                answer.give(batch -> batch.add(here));
            }
        }
    }

    private void compareRecords(List<RecordDigest> theirs, NodeId peer, Predicate<NodeId> listed, Answer answer) {
        Set<NodeId> told = new HashSet<>();
        for (RecordDigest digest : theirs) {
            told.add(digest.node());
            RecordDigest here = records.digest(digest.node());
            if (digest.node().equals(self) && digest.isAheadOf(here)) {
                answer.wantedRecords.add(new RecordDigest(self, 0, 0)); // all of it, signed: a mere word does not raise the boot
            } else if (here.isAheadOf(digest)) {
                answer.giveRecord(digest);
            } else if (digest.isAheadOf(here)) {
                answer.wantedRecords.add(records.reach(digest.node(), peer));
            }
        }
        for (NodeId node : records.nodes()) {
            if (!told.contains(node) && listed.test(node)) {
                answer.giveRecord(new RecordDigest(node, 0, 0));
            }
        }
    }

    private void compareDesired(DesiredRange theirs, Answer answer) {
        SortedMap<String, DesiredDigest> here = desired.digestBetween(theirs.first(), theirs.last());
        List<String> given = new ArrayList<>();
        for (DesiredDigest digest : theirs.objects()) {
            DesiredDigest mine = here.remove(digest.uid());
            if (mine == null || digest.mayAddTo(mine)) {
                answer.wantedObjects.add(digest.uid());
            }
            if (mine != null && mine.mayAddTo(digest)) {
                given.add(digest.uid());
            }
        }
        given.addAll(here.keySet());
        answer.giveObjects(given);
    }

    /** The desired state in short, or the next part of it where it does not fit into a message. */
    private DesiredRange nextRange() {
        int limit = config.maxMessageBytes() / DIGEST_ENTRY_BYTES / 2;
        if (desired.size() <= limit) {
            return new DesiredRange("", null, desired.digest("", limit));
        }
        String first = rangeCursor;
        List<DesiredDigest> part = desired.digest(first, limit + 1);
        boolean isLast = part.size() <= limit;
        rangeCursor = isLast ? "" : part.get(limit).uid();
        return isLast ? new DesiredRange(first, null, part)
                : new DesiredRange(first, part.get(limit - 1).uid(), part.subList(0, limit));
    }

    /** What goes back to the peer: what it lacks, in pieces, and one message of what is lacking here. */
    private final class Answer {
        private final boolean asks;
        private final long now;
        private final List<Changes> pieces = new ArrayList<>();
        private final Changes.Batch batch = new Changes.Batch(config.pieceBytes());
        private final List<NodeId> wantedMembers = new ArrayList<>();
        private final List<RecordDigest> wantedRecords = new ArrayList<>();
        private final List<String> wantedObjects = new ArrayList<>();
        private int bytes;
        private boolean more;

        /** @param asks whether the peer is asked for what is lacking here */
        Answer(boolean asks, long now) {
            this.asks = asks;
            this.now = now;
        }

        void give(Predicate<Changes.Batch> change) {
            if (more || change.test(batch)) {
                return;
            }
            bytes += batch.bytes();
            pieces.add(batch.take());
            if (bytes >= config.maxMessageBytes()) {
                more = true;
            } else {
                change.test(batch); // the first always fits
            }
        }

        void giveRecord(RecordDigest theirs) {
            boolean whole = !theirs.node().equals(self); // a piece of another's cannot be checked
            RecordDigest here = records.digest(theirs.node());
            boolean replaces = theirs.version() > 0 && theirs.boot() < here.boot(); // whole where it can be: a part would show the rest as gone
            RecordDigest from = theirs;
            while (!more) {
                RecordDelta delta = records.since(from, replaces && from == theirs ? config.maxValueBytes() : batch.remainingBytes());
                if (delta == null || whole && delta.approximateBytes() > config.maxMessageBytes()) {
                    return;
                }
                give(to -> to.add(delta));
                if (delta.upTo() >= here.version()) {
                    return;
                }
                from = new RecordDigest(delta.node(), delta.boot(), delta.upTo());
            }
        }

        /** Roots first: the receiver believes nothing that was signed under one which it has not heard of. */
        void giveObjects(Collection<String> uids) {
            List<DesiredObject> objects = uids.stream().map(desired::get).filter(Objects::nonNull).toList();
            objects.stream().filter(object -> object.kind() == Kind.ROOT).forEach(root -> give(to -> to.add(root)));
            objects.stream().filter(object -> object.kind() != Kind.ROOT).forEach(object -> give(to -> to.add(object)));
        }

        void send(Member peer, DesiredRange compare) {
            if (!batch.isEmpty()) {
                pieces.add(batch.take());
            }
            for (int i = 0; i < pieces.size(); i++) {
                Rest rest = i < pieces.size() - 1 ? Rest.FOLLOWS : more ? Rest.ASK_AGAIN : Rest.NONE;
                AntiEntropy.this.send.accept(peer, new Message.Delta(pieces.get(i), rest));
            }
            Message.Want want = new Message.Want(wantedMembers, wantedRecords, wantedObjects, compare);
            if (asks && !want.isEmpty()) {
                AntiEntropy.this.send.accept(peer, want);
                if (wantedObjects.size() + wantedRecords.size() > FEW_OBJECTS) {
                    catchUp.asks(peer.id(), now);
                }
            }
        }
    }
}
