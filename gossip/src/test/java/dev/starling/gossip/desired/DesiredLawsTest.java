package dev.starling.gossip.desired;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.SampleObjects;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import org.junit.jupiter.api.Test;

/** The join laws of the register map, on arbitrary registers, signed twice and forked ones included. */
class DesiredLawsTest {
    @Provide
    Arbitrary<DesiredObject> objects() {
        Arbitrary<Long> few = Arbitraries.longs().between(1, 3);
        Arbitrary<String> texts = Arbitraries.of("", "x", "y");
        return Combinators.combine(Arbitraries.of(Kind.SERVICE, Kind.NODE), Arbitraries.of("u", "v", "w"), few, few,
                        Arbitraries.of("m1", "m2"), Arbitraries.frequency(Tuple.of(3, false), Tuple.of(1, true)),
                        texts, texts)
                .as((kind, uid, generation, time, writer, deleted, body, signature) -> new DesiredObject(kind, uid, HybridTime.ZERO,
                        generation, HybridTime.of(time, 0), new NodeId(writer), deleted, Bytes.utf8(body), Bytes.utf8(signature), Bytes.EMPTY));
    }

    @Property(tries = 2_000)
    void supersedesIsAStrictTotalOrder(@ForAll("objects") DesiredObject a, @ForAll("objects") DesiredObject b, @ForAll("objects") DesiredObject c) {
        DesiredObject y = withUid(a.uid(), b);
        DesiredObject z = withUid(a.uid(), c);
        assertFalse(a.supersedes(a));
        assertEquals(!a.equals(y), a.supersedes(y) ^ y.supersedes(a));
        if (a.supersedes(y) && y.supersedes(z)) {
            assertTrue(a.supersedes(z));
        }
    }

    /** Some 600 bytes in each object and tombstone, which stay for good. */
    @Test
    void whatOneManagerWroteSharesItsCertificate() {
        DesiredState state = new DesiredState();
        for (String uid : List.of("a", "b")) {
            state.join(SampleObjects.service(uid, 1, new NodeId("m"), "{}"));
        }
        assertSame(state.get("a").certificate(), state.get("b").certificate());
    }

    @Property(tries = 1_000)
    void anyOrderAndRepetitionGivesTheSameState(@ForAll("objects") DesiredObject first, @ForAll List<@From("objects") DesiredObject> rest,
            @ForAll long seed) {
        List<DesiredObject> all = new ArrayList<>(rest);
        all.add(first);
        List<DesiredObject> shuffled = new ArrayList<>(all);
        shuffled.addAll(all);
        Collections.shuffle(shuffled, new Random(seed));
        DesiredState one = joined(all);
        DesiredState other = joined(shuffled);
        assertEquals(one.fingerprint(), other.fingerprint());
        for (String uid : List.of("u", "v", "w")) {
            assertEquals(one.get(uid), other.get(uid));
        }
        for (Kind kind : Kind.values()) {
            assertEquals(List.copyOf(one.live(kind)), List.copyOf(other.live(kind)));
            assertTrue(one.live(kind).stream().noneMatch(DesiredObject::deleted));
        }
    }

    @Property(tries = 1_000)
    void digestsNameAllThatTheOtherSideLacks(@ForAll List<@From("objects") DesiredObject> here,
            @ForAll List<@From("objects") DesiredObject> there) {
        DesiredState mine = joined(here);
        DesiredState theirs = joined(there);
        DesiredState full = joined(here);
        there.forEach(full::join);
        DesiredState byDigest = joined(here);
        for (DesiredDigest digest : theirs.digest("", 100)) {
            DesiredDigest known = mine.digestBetween(digest.uid(), digest.uid()).get(digest.uid());
            if (known == null || digest.mayAddTo(known)) {
                byDigest.join(theirs.get(digest.uid()));
            }
        }
        assertEquals(full.fingerprint(), byDigest.fingerprint());
    }

    @Test
    void aTombstoneOutranksEveryGeneration() {
        NodeId writer = new NodeId("m");
        DesiredObject deleted = SampleObjects.tombstone("web", 2, writer);
        DesiredObject later = SampleObjects.service("web", 99, writer, "{}");
        assertTrue(deleted.supersedes(later));
        assertFalse(later.supersedes(deleted));
    }

    @Test
    void liveObjectsComeOldestFirst() {
        DesiredState state = new DesiredState();
        state.join(created("b", 5));
        state.join(created("c", 1));
        state.join(created("a", 5));
        assertEquals(List.of("c", "a", "b"), state.live(Kind.CONFIG).stream().map(DesiredObject::uid).toList());
        assertEquals(List.of(), List.copyOf(state.live(Kind.SECRET)));
        assertThrows(UnsupportedOperationException.class, () -> state.live(Kind.CONFIG).clear());
    }

    @Test
    void signedBytesAreFixedAndCoverEveryFieldButTheSignature() {
        DesiredObject object = new DesiredObject(Kind.SERVICE, "u", new HybridTime(1), 2, new HybridTime(3), new NodeId("w"), true,
                Bytes.utf8("{}"), Bytes.utf8("s"), Bytes.utf8("c"));
        assertEquals("0012737461726c696e672d646573697265642d31" + "00000003" + "000175" + "0000000000000001" + "0000000000000002"
                + "0000000000000003" + "000177" + "01" + "00000002" + "7b7d", HexFormat.of().formatHex(object.signedBytes()));
        DesiredObject resigned = new DesiredObject(Kind.SERVICE, "u", new HybridTime(1), 2, new HybridTime(3), new NodeId("w"), true,
                Bytes.utf8("{}"), Bytes.utf8("other"), Bytes.EMPTY);
        assertArrayEquals(object.signedBytes(), resigned.signedBytes());
        assertEquals(object.contentHash(), resigned.contentHash());
        assertNotEquals(object.fingerprint(), resigned.fingerprint());
    }

    private static DesiredObject created(String uid, long millis) {
        return new DesiredObject(Kind.CONFIG, uid, HybridTime.of(millis, 0), 1, HybridTime.ZERO, new NodeId("m"), false, Bytes.EMPTY,
                Bytes.EMPTY, Bytes.EMPTY);
    }

    private static DesiredObject withUid(String uid, DesiredObject o) {
        return new DesiredObject(o.kind(), uid, o.created(), o.generation(), o.time(), o.writer(), o.deleted(), o.body(), o.signature(),
                o.certificate());
    }

    private static DesiredState joined(List<DesiredObject> objects) {
        DesiredState state = new DesiredState();
        objects.forEach(state::join);
        return state;
    }
}
