package dev.starling.gossip;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.member.Suspected;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordDigest;
import dev.starling.gossip.record.RecordEntry;
import dev.starling.gossip.record.RecordTable;
import dev.starling.gossip.sim.SimSigning;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A worker that was taken over lies about an honest node to a third: each lie by itself, refused, counted, and what it leaves behind. */
class LyingPeerTest {
    private static final NodeId SELF = new NodeId("self");
    private static final NodeId LIAR = new NodeId("liar");
    private static final NodeId VICTIM = new NodeId("victim");
    private static final NodeId WITNESS = new NodeId("witness");
    private static final NodeId MANAGER = new NodeId("manager");

    private final Gossip gossip = new Gossip(GossipConfig.lan(), member(SELF, 1, 0), new Random(1), object -> null, new SimSigning(SELF));
    private final RecordTable record = new RecordTable(VICTIM, 1, new SimSigning(VICTIM), id -> Bytes.EMPTY);
    private final List<Output> outputs = new ArrayList<>();
    private Message.PingRequest lastRequest;
    private long now = 10;

    @BeforeEach
    void meetAll() {
        gossip.start(List.of(), 0);
        for (NodeId id : List.of(LIAR, VICTIM, WITNESS)) {
            gossip.receive(id, Role.WORKER, new Message.Ping(1, member(id, 1, 0), null), now);
        }
        gossip.receive(MANAGER, Role.MANAGER, new Message.Ping(1, manager(), null), now);
        record.put("key", Bytes.utf8("honest"));
        tell(VICTIM, changes(List.of(), recordFrom(0)));
        assertEquals("honest", value());
        gossip.drain();
    }

    @Test
    void anotherAddressOfAnotherNode() {
        Member honest = gossip.members().get(VICTIM);
        Member moved = new Member(VICTIM, new Endpoint("liar.example", 666), Role.WORKER, 1, 1, MemberStatus.ALIVE, honest.key(), honest.signature());
        tell(LIAR, changes(List.of(moved)));
        tell(LIAR, changes(List.of(moved.signedBy(new SimSigning(LIAR)))));
        Member sameIncarnation = new Member(VICTIM, new Endpoint("zz.example", 666), Role.WORKER, 1, 0, MemberStatus.ALIVE, honest.key(), honest.signature());
        tell(LIAR, changes(List.of(sameIncarnation)));
        assertEquals(honest, gossip.members().get(VICTIM));
        assertRefused(Refusal.FORGED_MEMBER, Refusal.FORGED_MEMBER, Refusal.FORGED_MEMBER);
        Member really = new Member(VICTIM, new Endpoint("elsewhere.example", 7946), Role.WORKER, 1, 1, MemberStatus.ALIVE).signedBy(new SimSigning(VICTIM));
        tell(LIAR, changes(List.of(really)));
        assertEquals(really, gossip.members().get(VICTIM), "the truth is taken from anybody");
    }

    @Test
    void anotherNodeLeft() {
        tell(LIAR, changes(List.of(gossip.members().get(VICTIM).with(MemberStatus.LEFT))));
        assertEquals(MemberStatus.ALIVE, gossip.members().get(VICTIM).status());
        assertRefused(Refusal.FORGED_MEMBER);
    }

    @Test
    void aMemberThatNobodyEnrolled() {
        NodeId invented = new NodeId("invented");
        tell(LIAR, changes(List.of(member(invented, 1, 0))));
        assertNull(gossip.members().get(invented));
        assertRefused(Refusal.UNENROLLED_MEMBER);
        DesiredObject document = document(invented, false);
        tell(LIAR, new Changes(List.of(member(invented, 1, 0)), List.of(), List.of(), List.of(), List.of(document)));
        assertEquals(MemberStatus.ALIVE, gossip.members().get(invented).status(), "a manager's document says that it is one");
    }

    /** It becomes a suspicion, the victim is asked, and one answer ends it. A manager is believed. */
    @Test
    void aLiveNodeIsDead() {
        Member dead = gossip.members().get(VICTIM).with(MemberStatus.DEAD);
        tell(LIAR, changes(List.of(dead)));
        assertEquals(MemberStatus.SUSPECT, gossip.members().get(VICTIM).status());
        Message.Ping asked = sent(VICTIM, Message.Ping.class).get(0);
        assertEquals(MemberStatus.SUSPECT, asked.believed().status());
        Member refuted = member(VICTIM, 1, 1);
        gossip.receive(VICTIM, Role.WORKER, new Message.Ack(asked.sequence(), refuted, null, 0), now);
        assertEquals(refuted, gossip.members().get(VICTIM));
        tell(MANAGER, changes(List.of(refuted.with(MemberStatus.DEAD))));
        assertEquals(MemberStatus.DEAD, gossip.members().get(VICTIM).status());
    }

    /** One accuser is one accuser, whatever names it gives itself: the victim has the long time to refute. */
    @Test
    void accusationsInTheNameOfOthers() {
        Member suspect = gossip.members().get(VICTIM).with(MemberStatus.SUSPECT);
        List<Suspected> accusations = new ArrayList<>();
        for (NodeId name : List.of(WITNESS, MANAGER)) {
            accusations.add(new Suspected(suspect, name, new SimSigning(LIAR).sign(new Suspected(suspect, name, Bytes.EMPTY).statement())));
        }
        tell(LIAR, new Changes(List.of(), accusations, List.of(), List.of(), List.of()));
        assertEquals(MemberStatus.ALIVE, gossip.members().get(VICTIM).status());
        assertRefused(Refusal.FORGED_SUSPICION, Refusal.FORGED_SUSPICION);
        Suspected own = accusation(suspect, LIAR);
        tell(LIAR, new Changes(List.of(), List.of(own, own), List.of(), List.of(), List.of()));
        assertEquals(MemberStatus.SUSPECT, gossip.members().get(VICTIM).status());
        GossipConfig lan = GossipConfig.lan();
        long begun = now;
        assertEquals(MemberStatus.SUSPECT, statusAt(begun + 2 * lan.suspicionMin().toMillis()), "two accusers, the liar and this node, are not three");
        assertEquals(MemberStatus.DEAD, statusAt(begun + lan.suspicionMaxFactor() * lan.suspicionMin().toMillis()), "it never answered");
    }

    private MemberStatus statusAt(long time) {
        while (gossip.nextTick() <= time) {
            now = Math.max(now, gossip.nextTick());
            gossip.tick(now);
            // the others answer, the victim is silent, and nobody else accuses it
            for (Output output : gossip.drain()) {
                if (output instanceof Output.Send send && send.message() instanceof Message.Ping ping && !send.to().equals(endpoint(VICTIM))) {
                    NodeId from = gossip.members().values().stream().filter(m -> m.endpoint().equals(send.to())).findFirst().orElseThrow().id();
                    gossip.receive(from, from.equals(MANAGER) ? Role.MANAGER : Role.WORKER, new Message.Ack(ping.sequence(), null, null,
                            gossip.viewFingerprint()), now);
                }
            }
        }
        return gossip.members().get(VICTIM).status();
    }

    private Suspected accusation(Member suspect, NodeId accuser) {
        return new Suspected(suspect, accuser, new SimSigning(accuser).sign(new Suspected(suspect, accuser, Bytes.EMPTY).statement()));
    }

    /** "It answers me": asked to probe a node that is gone, it may keep it alive for ever. */
    @Test
    void anAnswerInThePlaceOfASilentNode() {
        gossip.connectionLost(VICTIM, now);
        Message.Ping probe = sent(VICTIM, Message.Ping.class).get(0);
        while (sent(LIAR, Message.PingRequest.class).isEmpty()) {
            now = Math.max(now, gossip.nextTick());
            gossip.tick(now);
        }
        Message.PingRequest request = lastRequest;
        assertEquals(probe.sequence(), request.sequence());
        gossip.receive(LIAR, Role.WORKER, new Message.IndirectAck(request.sequence(), new SimSigning(LIAR).sign(answerTo(request.number()))), now);
        assertRefused(Refusal.FORGED_ANSWER);
        gossip.receive(LIAR, Role.WORKER, new Message.IndirectAck(request.sequence(), new SimSigning(VICTIM).sign(answerTo(request.number() + 1))), now);
        assertRefused(Refusal.FORGED_ANSWER); // an old one
        gossip.receive(LIAR, Role.WORKER, new Message.IndirectAck(request.sequence(), new SimSigning(VICTIM).sign(answerTo(request.number()))), now);
        assertRefused();
    }

    private static byte[] answerTo(long number) {
        return new Statement("starling-answer-1").text(VICTIM.value()).text(SELF.value()).number(number).toBytes();
    }

    @Test
    void anotherNodesRecord() {
        record.put("key", Bytes.utf8("newer"));
        RecordDelta honest = recordFrom(2);
        tell(LIAR, changes(List.of(), new RecordDelta(VICTIM, 1, 2, 3, List.of(new RecordEntry("key", 3, Bytes.utf8("forged"))), honest.signature())));
        tell(LIAR, changes(List.of(), new RecordDelta(VICTIM, 1, 2, 3, List.of(), honest.signature())));
        tell(LIAR, changes(List.of(), new RecordDelta(VICTIM, 1, 2, 3, honest.entries(), Bytes.EMPTY)));
        tell(LIAR, changes(List.of(), new RecordDelta(VICTIM, 9, 0, 1, List.of(), honest.signature())));
        assertEquals("honest", value());
        assertRefused(Refusal.FORGED_RECORD, Refusal.FORGED_RECORD, Refusal.FORGED_RECORD, Refusal.FORGED_RECORD);
        tell(LIAR, changes(List.of(), honest));
        assertEquals("newer", value(), "the truth is taken from anybody");
        tell(LIAR, changes(List.of(), recordFrom(0)));
        tell(LIAR, changes(List.of(), honest));
        assertRefused();
        assertEquals("newer", value(), "a replay changes nothing");
    }

    @Test
    void thatAnotherNodeWasRemoved() {
        tell(LIAR, new Changes(List.of(), List.of(), List.of(new Forgotten(VICTIM, 100), new Forgotten(SELF, 100)), List.of(), List.of()));
        assertEquals(MemberStatus.ALIVE, gossip.members().get(VICTIM).status());
        assertEquals(1, gossip.members().get(SELF).boot());
        assertRefused(Refusal.UNPROVEN_REMOVAL, Refusal.UNPROVEN_REMOVAL);
        tell(LIAR, new Changes(List.of(), List.of(), List.of(new Forgotten(VICTIM, 1)), List.of(), List.of(document(VICTIM, true))));
        assertNull(gossip.members().get(VICTIM), "a manager's tombstone is proof");
    }

    /** What makes a node raise its boot or incarnation by more than one has to be its own word. */
    @Test
    void aLaterBootOfThisNode() {
        Member self = gossip.members().get(SELF);
        Member forged = new Member(SELF, self.endpoint(), self.role(), Member.MAX_GENERATION - 1, 0, MemberStatus.ALIVE, self.key(), self.signature());
        tell(LIAR, changes(List.of(forged)));
        gossip.receive(LIAR, Role.WORKER, new Message.Ping(2, null, forged), now);
        Member incarnation = new Member(SELF, self.endpoint(), self.role(), 1, Member.MAX_GENERATION - 1, MemberStatus.DEAD, self.key(), self.signature());
        tell(LIAR, changes(List.of(incarnation)));
        assertEquals(self, gossip.members().get(SELF));
        assertRefused(Refusal.FORGED_MEMBER, Refusal.FORGED_MEMBER, Refusal.FORGED_MEMBER);
    }

    @Test
    void aFloodOfForgeriesCostsFewChecks() {
        List<Member> forged = IntStream.range(0, 5_000)
                .mapToObj(i -> new Member(VICTIM, endpoint(VICTIM), Role.WORKER, 2 + i, 0, MemberStatus.ALIVE, Bytes.EMPTY, Bytes.EMPTY)).toList();
        tell(LIAR, changes(forged, recordFrom(0)));
        List<Refusal> refusals = refusals();
        assertEquals(17, refusals.size());
        assertEquals(Refusal.REST_OF_MESSAGE, refusals.get(16));
        tell(LIAR, changes(List.of(member(VICTIM, 2, 0))));
        assertEquals(2, gossip.members().get(VICTIM).boot(), "the next message is heard again");
    }

    private void tell(NodeId teller, Changes changes) {
        gossip.receive(teller, teller.equals(MANAGER) ? Role.MANAGER : Role.WORKER, new Message.Push(false, changes), now);
    }

    private <T extends Message> List<T> sent(NodeId to, Class<T> type) {
        outputs.addAll(gossip.drain());
        List<T> messages = outputs.stream().filter(output -> output instanceof Output.Send send && send.to().equals(endpoint(to)))
                .map(output -> ((Output.Send) output).message()).filter(type::isInstance).map(type::cast).toList();
        if (!messages.isEmpty() && messages.get(0) instanceof Message.PingRequest request) {
            lastRequest = request;
        }
        outputs.removeIf(Output.Send.class::isInstance);
        return messages;
    }

    private List<Refusal> refusals() {
        outputs.addAll(gossip.drain());
        List<Refusal> refusals = outputs.stream().filter(Output.Refused.class::isInstance).map(Output.Refused.class::cast).map(refused -> {
            assertEquals(LIAR, refused.teller());
            return refused.reason();
        }).toList();
        outputs.clear();
        return refusals;
    }

    private void assertRefused(Refusal... expected) {
        assertEquals(List.of(expected), refusals());
    }

    private RecordDelta recordFrom(long version) {
        return record.since(new RecordDigest(VICTIM, 1, version), 100_000);
    }

    private String value() {
        return gossip.records().of(VICTIM).get("key").utf8();
    }

    private static Changes changes(List<Member> members, RecordDelta... records) {
        return new Changes(members, List.of(), List.of(), List.of(records), List.of());
    }

    private static DesiredObject document(NodeId node, boolean deleted) {
        HybridTime time = HybridTime.of(1, 0);
        return new DesiredObject(Kind.NODE, node.value(), time, deleted ? 2 : 1, time, MANAGER, deleted, Bytes.EMPTY, Bytes.EMPTY, Bytes.EMPTY);
    }

    private static Member manager() {
        return new Member(MANAGER, endpoint(MANAGER), Role.MANAGER, 1, 0, MemberStatus.ALIVE).signedBy(new SimSigning(MANAGER));
    }

    private static Member member(NodeId id, long boot, long incarnation) {
        return new Member(id, endpoint(id), Role.WORKER, boot, incarnation, MemberStatus.ALIVE).signedBy(new SimSigning(id));
    }

    private static Endpoint endpoint(NodeId id) {
        return new Endpoint(id + ".example", 7946);
    }
}
