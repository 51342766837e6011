package dev.starling.gossip;

import static dev.starling.gossip.SampleObjects.service;
import static dev.starling.gossip.SampleObjects.tombstone;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.message.Message.Delta.Rest;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordDigest;
import dev.starling.gossip.record.RecordEntry;
import dev.starling.gossip.record.RecordTable;
import dev.starling.gossip.sim.SimSigning;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** One machine, seen from the network: message in, outputs out. */
class GossipTest {
    private static final Member SELF = member("self", 1, 0, MemberStatus.ALIVE);
    private static final Member PEER = member("peer", 1, 0, MemberStatus.ALIVE);
    private static final NodeId WRITER = new NodeId("peer");

    private final Gossip gossip = new Gossip(GossipConfig.lan(), SELF, new Random(1),
            object -> object.body().utf8().equals("unsigned") ? "signature does not match" : null, signing("self"));

    @Test
    void aMessageAboutOneselfDoesNotChangeTheOwnRecord() {
        meetPeer();
        gossip.put("key", Bytes.utf8("mine"), 10);
        gossip.drain();
        push(changes(List.of(), List.of(new RecordDelta(SELF.id(), 9, 0, 5, List.of(new RecordEntry("key", 2, Bytes.utf8("forged"))), Bytes.EMPTY)), List.of()));
        assertEquals(Bytes.utf8("mine"), gossip.records().of(SELF.id()).get("key"));
        assertEquals(List.of(new Output.Refused(PEER.id(), Refusal.FORGED_RECORD)), gossip.drain());
        assertEquals(1, gossip.records().boot(SELF.id()));
    }

    @Test
    void aHigherBootOfOneselfIsOutbid() {
        meetPeer();
        gossip.put("key", Bytes.utf8("value"), 10);
        push(changes(List.of(member("self", 7, 3, MemberStatus.ALIVE)), List.of(), List.of()));
        List<Output> outputs = gossip.drain();
        Member raised = gossip.members().get(SELF.id());
        assertTrue(raised.boot() > 7, raised::toString);
        assertEquals(raised.boot(), gossip.records().boot(SELF.id()));
        assertEquals(Bytes.utf8("value"), gossip.records().of(SELF.id()).get("key"));
        assertTrue(outputs.contains(new Output.MemberChanged(SELF, raised)), outputs.toString());
        Message.Push push = pushes(outputs).get(0);
        assertEquals(List.of(raised), push.changes().members());
        assertEquals(0, push.changes().records().get(0).base());
    }

    /** Another disk of this node counted the same boot, and wrote more under it. */
    @Test
    void aBootThatWasUsedBeforeIsLeft() {
        meetPeer();
        gossip.put("key", Bytes.utf8("value"), 10);
        gossip.drain();
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Digest(null, List.of(), List.of(), List.of(new RecordDigest(SELF.id(), 1, 2)), 0, null), 11);
        assertEquals(List.of(), sent(gossip.drain(), Message.Want.class), "the peer knows what was written here");
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Digest(null, List.of(), List.of(), List.of(new RecordDigest(SELF.id(), 1, 9)), 0, null), 12);
        assertEquals(List.of(new RecordDigest(SELF.id(), 0, 0)), sent(gossip.drain(), Message.Want.class).get(0).records());
        assertEquals(1, gossip.records().boot(SELF.id()), "a word is no proof");
        RecordTable otherDisk = new RecordTable(SELF.id(), 1, signing("self"), id -> Bytes.EMPTY);
        for (int i = 0; i < 8; i++) {
            otherDisk.put("key", Bytes.utf8("other " + i));
        }
        push(changes(List.of(), List.of(otherDisk.since(new RecordDigest(SELF.id(), 0, 0), 10_000)), List.of()));
        long raised = gossip.members().get(SELF.id()).boot();
        assertTrue(raised > 1);
        assertEquals(raised, gossip.records().boot(SELF.id()));
        assertEquals(Bytes.utf8("value"), gossip.records().of(SELF.id()).get("key"));
    }

    @Test
    void aSuspicionIsRefutedAtOnceAndAStormIsNot() {
        meetPeer();
        push(changes(List.of(SELF.with(MemberStatus.DEAD)), List.of(), List.of()));
        assertEquals(1, gossip.members().get(SELF.id()).incarnation());
        push(changes(List.of(member("self", 1, 1, MemberStatus.DEAD)), List.of(), List.of()));
        assertEquals(1, gossip.members().get(SELF.id()).incarnation(), "not twice within a probe timeout");
        for (long now = 15; now < 400; now = Math.max(now, gossip.nextTick())) {
            gossip.tick(now);
        }
        assertEquals(2, gossip.members().get(SELF.id()).incarnation(), "but then");
    }

    @Test
    void whatTheGuardRefusesDoesNotEnter() {
        meetPeer();
        push(changes(List.of(), List.of(), List.of(service("bad", 1, WRITER, "unsigned"), service("good", 1, WRITER, "{}"))));
        assertNull(gossip.desired().get("bad"));
        assertEquals(List.of("good"), gossip.desired().live(Kind.SERVICE).stream().map(DesiredObject::uid).toList());
        assertTrue(assertThrows(ObjectRefusedException.class, () -> gossip.write(service("bad", 1, SELF.id(), "unsigned"), 20))
                .getMessage().contains("signature does not match"));
    }

    @Test
    void aWriteMustSupersede() {
        gossip.write(tombstone("web", 3, SELF.id()), 5);
        String message = assertThrows(IllegalArgumentException.class, () -> gossip.write(service("web", 4, SELF.id(), "{}"), 6)).getMessage();
        assertEquals("object web: generation 4 does not supersede generation 3, which is deleted", message);
        assertThrows(IllegalArgumentException.class,
                () -> gossip.write(service("big", 1, SELF.id(), "x".repeat(GossipConfig.lan().maxValueBytes() + 1)), 7));
    }

    @Test
    void aForeignWriteIsAcknowledgedOnceItIsOnDisk() {
        meetPeer();
        DesiredObject object = service("web", 2, WRITER, "{}");
        push(changes(List.of(), List.of(), List.of(object)));
        assertEquals(List.of(new Output.DesiredChanged(object)), gossip.drain());
        gossip.persisted("web", 1, 20);
        assertEquals(List.of(), gossip.drain(), "an older generation is not this one");
        gossip.persisted("web", 2, 21);
        assertEquals(List.of(new Output.Send(PEER.endpoint(), new Message.Stored("web", 2))), gossip.drain());
    }

    @Test
    void changesBetweenTwoDrainsTravelTogether() {
        meetPeer();
        gossip.drain();
        for (int i = 0; i < 10; i++) {
            gossip.put("key" + i, Bytes.utf8("v"), 30);
        }
        gossip.put("key3", Bytes.utf8("v"), 30);
        gossip.remove("key4", 30);
        Message.Push push = pushes(gossip.drain()).get(0);
        assertEquals(10, push.changes().records().get(0).entries().size());
        assertFalse(push.forward());
        assertEquals(List.of(), gossip.drain());
    }

    @Test
    void restoreAnnouncesTheRecordUnderTheNewBootAndEmitsNothing() {
        TreeMap<String, Bytes> record = new TreeMap<>();
        record.put("a", Bytes.utf8("1"));
        gossip.restore(List.of(service("web", 1, WRITER, "{}")), record, List.of(PEER.with(MemberStatus.SUSPECT), member("dead", 2, 0, MemberStatus.DEAD)));
        assertEquals(List.of(), gossip.drain());
        gossip.start(List.of(SELF.endpoint(), new Endpoint("seed", 7946)), 0);
        gossip.tick(0);
        List<Endpoint> contacted = gossip.drain().stream().map(output -> ((Output.Send) output).to()).distinct().sorted().toList();
        assertEquals(List.of(endpoint("dead"), PEER.endpoint(), new Endpoint("seed", 7946)).stream().sorted().toList(), contacted,
                "itself it does not contact");
        assertEquals(MemberStatus.ALIVE, gossip.members().get(PEER.id()).status(), "an old suspicion is void");
    }

    private static final Changes NOTHING = new Changes(List.of(), List.of(), List.of(), List.of(), List.of());

    @Test
    void aLargeDeltaIsCutAndArrivesByAndBy() {
        meetPeer();
        for (int i = 0; i < 9; i++) {
            gossip.put("key" + i, Bytes.wrap(new byte[400_000]), 40);
        }
        gossip.drain();
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Digest(null, List.of(), List.of(), List.of(), 0, null), 41);
        List<Message.Delta> deltas = gossip.drain().stream().filter(o -> o instanceof Output.Send send && send.message() instanceof Message.Delta)
                .map(o -> (Message.Delta) ((Output.Send) o).message()).toList();
        int last = deltas.size() - 1;
        assertEquals(Rest.ASK_AGAIN, deltas.get(last).rest());
        assertTrue(deltas.subList(0, last).stream().allMatch(delta -> delta.rest() == Rest.FOLLOWS));
        List<Integer> entries = deltas.stream().map(delta -> delta.changes().records().stream().mapToInt(r -> r.entries().size()).sum()).toList();
        assertEquals(1, entries.stream().max(Integer::compare).orElseThrow(), "values of 400 kB travel one by one");
        assertEquals(6, entries.stream().mapToInt(n -> n).sum(), "and no more at a time than 2 MiB are begun");
    }

    /** Over a slow link each peer would otherwise send all of what one is sending already. */
    @Test
    void whoGetsPiecesFromOnePeerAsksNobodyForThem() {
        meetPeer();
        Member other = member("other", 1, 0, MemberStatus.ALIVE);
        gossip.receive(other.id(), Role.MANAGER, new Message.Ping(1, other, null), 41);
        gossip.drain();
        Message.Digest lots = new Message.Digest(null, List.of(), List.of(), List.of(new RecordDigest(other.id(), 1, 1000)), 0, null);
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Delta(NOTHING, Rest.FOLLOWS), 50);
        gossip.receive(other.id(), Role.MANAGER, lots, 60);
        assertEquals(0, wants(), "while pieces follow");
        gossip.receive(PEER.id(), Role.MANAGER, lots, 70);
        assertEquals(0, wants(), "nor the one that sends them: its answer is on its way");
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Delta(NOTHING, Rest.NONE), 80);
        gossip.receive(other.id(), Role.MANAGER, lots, 90);
        assertEquals(1, wants(), "after the last piece anybody");
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Delta(NOTHING, Rest.FOLLOWS), 100);
        gossip.receive(other.id(), Role.MANAGER, lots, 100 + 4_000);
        assertEquals(1, wants(), "and when the next piece does not come");
    }

    /** A node to which large pushes came again and again compared its view with nobody's, and never found what it had missed. */
    @Test
    void aLargePushIsNoCauseToAskNobody() {
        meetPeer();
        Member other = member("other", 1, 0, MemberStatus.ALIVE);
        gossip.receive(other.id(), Role.MANAGER, new Message.Ping(1, other, null), 41);
        gossip.drain();
        Message.Digest lots = new Message.Digest(null, List.of(), List.of(), List.of(new RecordDigest(other.id(), 1, 1000)), 0, null);
        gossip.arriving(PEER.id(), 50);
        assertTrue(gossip.isCatchingUp(50), "it may be a piece of what is lacking");
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Ping(2, null, null), 60);
        assertTrue(gossip.isCatchingUp(60), "a probe overtakes");
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Push(false, changes(List.of(), List.of(), List.of(service("web", 1, WRITER, "{}")))), 70);
        assertFalse(gossip.isCatchingUp(70));
        gossip.receive(other.id(), Role.MANAGER, lots, 80);
        assertEquals(1, wants());
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Delta(NOTHING, Rest.FOLLOWS), 90);
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Push(false, changes(List.of(), List.of(), List.of(service("db", 1, WRITER, "{}")))), 95);
        assertTrue(gossip.isCatchingUp(95), "a push between two pieces ends nothing");
    }

    /** So 30 nodes called one of them a forger: it answered with a piece of its record of now, and the piece overtook a push of a moment before. */
    @Test
    void aPushThatAPieceOfALaterStateOvertookIsNoForgery() {
        meetPeer();
        RecordTable owner = new RecordTable(PEER.id(), 1, signing("peer"), id -> Bytes.EMPTY);
        owner.put("a", Bytes.utf8("first")); // version 2
        owner.put("b", Bytes.utf8("1"));
        owner.put("c", Bytes.utf8("1"));
        RecordDelta push = owner.since(new RecordDigest(PEER.id(), 1, 3), 10_000);
        owner.put("a", Bytes.utf8("second")); // version 5, so not in the piece up to 3
        RecordDelta piece = owner.since(new RecordDigest(PEER.id(), 0, 0), 1);
        assertEquals(3, piece.upTo());
        push(changes(List.of(), List.of(piece), List.of()));
        gossip.drain();
        push(changes(List.of(), List.of(push), List.of()));
        assertEquals(List.of(), gossip.drain());
        assertNull(gossip.records().of(PEER.id()).get("c"), "nor is it taken: with it went the signature");
        gossip.tick(90);
        RecordDigest asked = sent(gossip.drain(), Message.Want.class).get(0).records().get(0);
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Delta(changes(List.of(), List.of(owner.since(asked, 10_000)), List.of()), Rest.NONE), 100);
        assertEquals(owner.of(PEER.id()), gossip.records().of(PEER.id()));
        owner.put("d", Bytes.utf8("1"));
        RecordDelta honest = owner.since(new RecordDigest(PEER.id(), 1, 5), 10_000);
        gossip.drain();
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Push(false, changes(List.of(), List.of(
                new RecordDelta(PEER.id(), 1, 5, 6, List.of(), honest.signature())), List.of())), 110);
        assertEquals(List.of(new Output.Refused(PEER.id(), Refusal.FORGED_RECORD)), gossip.drain(), "what does not fit a whole record is one");
    }

    @Test
    void aFloodOfWhatMayBeOvertakenCostsFewChecks() {
        meetPeer();
        RecordTable owner = new RecordTable(PEER.id(), 1, signing("peer"), id -> Bytes.EMPTY);
        owner.put("a", Bytes.utf8("1"));
        owner.put("b", Bytes.utf8("1"));
        push(changes(List.of(), List.of(owner.since(new RecordDigest(PEER.id(), 0, 0), 1)), List.of()));
        gossip.drain();
        RecordDelta unfit = new RecordDelta(PEER.id(), 1, 2, 3, List.of(), Bytes.utf8("signature"));
        push(changes(List.of(), Collections.nCopies(1_000, unfit), List.of()));
        assertEquals(List.of(new Output.Refused(PEER.id(), Refusal.REST_OF_MESSAGE)), gossip.drain());
    }

    private long wants() {
        return gossip.drain().stream().filter(o -> o instanceof Output.Send send && send.message() instanceof Message.Want).count();
    }

    @Test
    void inputsThatMakeNoSenseAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> gossip.put("k".repeat(300), Bytes.EMPTY, 1));
        gossip.tick(50);
        assertThrows(IllegalArgumentException.class, () -> gossip.tick(49));
        meetPeer();
        assertThrows(IllegalArgumentException.class, () -> gossip.forget(PEER.id(), 60));
        assertThrows(IllegalStateException.class, () -> gossip.restore(List.of(), new TreeMap<>(), List.of()));
    }

    @Test
    void aStrangerMayOnlyIntroduceItself() {
        gossip.start(List.of(), 0);
        push(changes(List.of(PEER), List.of(), List.of(service("web", 1, WRITER, "{}"))));
        assertEquals(1, gossip.members().size());
        gossip.receive(PEER.id(), Role.WORKER, new Message.Ping(1, PEER, null), 16);
        assertEquals(1, gossip.members().size(), "it claims a role that its certificate does not give it");
        gossip.receive(new NodeId("other"), Role.MANAGER, new Message.Ping(1, PEER, null), 17);
        assertEquals(1, gossip.members().size(), "it claims to be someone else");
    }

    private void meetPeer() {
        gossip.start(List.of(), 0);
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Ping(1, PEER, null), 0);
        gossip.drain();
        assertEquals(PEER, gossip.members().get(PEER.id()));
    }

    private void push(Changes changes) {
        gossip.receive(PEER.id(), Role.MANAGER, new Message.Push(false, changes), 15);
    }

    private static List<Message.Push> pushes(List<Output> outputs) {
        return sent(outputs, Message.Push.class);
    }

    private static <T extends Message> List<T> sent(List<Output> outputs, Class<T> type) {
        return outputs.stream().filter(Output.Send.class::isInstance).map(o -> ((Output.Send) o).message()).filter(type::isInstance).map(type::cast)
                .toList();
    }

    private static Changes changes(List<Member> members, List<RecordDelta> records, List<DesiredObject> desired) {
        return new Changes(members, List.of(), List.of(), records, desired);
    }

    private static Member member(String id, long boot, long incarnation, MemberStatus status) {
        return new Member(new NodeId(id), endpoint(id), Role.MANAGER, boot, incarnation, status).signedBy(signing(id));
    }

    private static SimSigning signing(String id) {
        return new SimSigning(new NodeId(id));
    }

    private static Endpoint endpoint(String id) {
        return new Endpoint(id + ".example", 7946);
    }
}
