package dev.starling.gossip.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.sim.SimSigning;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Records on states that a random owner reached: deltas in any order, cut anywhere, never make a view that is not a prefix of the owner's. */
class RecordLawsTest {
    private static final NodeId OWNER = new NodeId("owner");
    private static final NodeId PEER = new NodeId("peer");

    /** The owner's record after each of its changes, restarts included. */
    private record History(List<RecordTable> states) {
        RecordTable last() {
            return states.get(states.size() - 1);
        }
    }

    @Property(tries = 300)
    void mergingIsCommutativeAssociativeAndIdempotent(@ForAll long seed) {
        Random random = new Random(seed);
        History history = history(random, 30);
        List<RecordDelta> states = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            states.add(full(history.states.get(random.nextInt(history.states.size()))));
        }
        RecordTable abc = merged(states.get(0), states.get(1), states.get(2));
        assertSame(abc, merged(states.get(2), states.get(1), states.get(0)));
        assertSame(abc, merged(states.get(1), states.get(1), states.get(0), states.get(2), states.get(0)));
        RecordTable bc = merged(states.get(1), states.get(2));
        assertSame(abc, merged(states.get(0), full(bc)));
        assertTrue(full(abc).isSigned(), "and what was merged can be passed on");
    }

    @Property(tries = 300)
    void deltasGiveWhatTheFullStateGives(@ForAll long seed, @ForAll @IntRange(min = 1, max = 400) int maxBytes) {
        Random random = new Random(seed);
        History history = history(random, 40);
        RecordTable view = observer();
        int[] meetings = random.ints(10, 0, history.states.size()).sorted().toArray();
        for (int meeting : meetings) { // a view that meets the owner now and then, and hears one cut delta each time
            RecordTable then = history.states.get(meeting);
            RecordDelta delta = then.since(view.digest(OWNER), maxBytes);
            if (delta != null) {
                assertTrue(view.apply(delta, OWNER).isNews());
            }
        }
        for (RecordDelta rest = history.last().since(view.digest(OWNER), maxBytes); rest != null;
                rest = history.last().since(view.digest(OWNER), maxBytes)) {
            assertTrue(view.apply(rest, OWNER).isNews());
        }
        assertSame(merged(full(history.last())), view);
    }

    @Property(tries = 300)
    void lateAndReorderedDeltasChangeNothingThatWasNotMissing(@ForAll long seed) {
        Random random = new Random(seed);
        History history = history(random, 20);
        List<RecordDelta> pieces = new ArrayList<>();
        for (int i = 1; i < history.states.size(); i++) {
            RecordDelta piece = history.states.get(i).since(history.states.get(i - 1).digest(OWNER), Integer.MAX_VALUE);
            if (piece != null) {
                pieces.add(piece);
            }
        }
        RecordTable view = observer();
        view.apply(full(history.states.get(0)), PEER);
        for (int i = 0; i < 60 && !pieces.isEmpty(); i++) {
            RecordDigest before = view.digest(OWNER);
            view.apply(pieces.get(random.nextInt(pieces.size())), PEER);
            assertFalse(before.isAheadOf(view.digest(OWNER)), "a view never goes back");
            RecordTable expected = history.states.stream().filter(s -> s.digest(OWNER).equals(view.digest(OWNER))).findFirst().orElseThrow();
            assertEquals(expected.of(OWNER), view.of(OWNER), "a view is always one that the owner had");
        }
    }

    /** The owner cuts its record anew for each who asks, and pushes meanwhile: over two connections the pieces of one state overtake those of another. */
    @Property(tries = 500)
    void piecesOfDifferentStatesInAnyOrderAreNoForgery(@ForAll long seed, @ForAll @IntRange(min = 1, max = 300) int maxBytes) {
        Random random = new Random(seed);
        History history = history(random, 30);
        RecordTable view = observer();
        for (int i = 0; i < 60; i++) {
            int to = random.nextInt(history.states.size());
            RecordDigest from = history.states.get(random.nextInt(to + 1)).digest(OWNER);
            RecordDelta piece = history.states.get(to).since(random.nextInt(4) == 0 ? view.digest(OWNER) : from, maxBytes);
            if (piece != null) {
                assertNotEquals(RecordTable.Applied.Kind.REFUSED, view.apply(piece, OWNER).kind(), piece::toString);
            }
        }
        for (RecordDelta rest = history.last().since(view.reach(OWNER, OWNER), maxBytes); rest != null;
                rest = history.last().since(view.reach(OWNER, OWNER), maxBytes)) {
            assertTrue(view.apply(rest, OWNER).isNews(), "what the owner tells now always goes on from what is here");
        }
        assertSame(merged(full(history.last())), view);
    }

    @Test
    void aGapIsNotTaken() {
        RecordTable view = observer();
        RecordTable owner = table(OWNER, 1);
        owner.put("a", Bytes.utf8("1"));
        owner.put("b", Bytes.utf8("2"));
        assertEquals(RecordTable.Applied.Kind.GAP, view.apply(owner.since(new RecordDigest(OWNER, 1, 2), 1_000), PEER).kind());
        assertEquals(Map.of(), view.of(OWNER));
    }

    @Test
    void nobodyElseWritesTheOwnRecord() {
        RecordTable owner = table(OWNER, 1);
        owner.put("a", Bytes.utf8("1"));
        RecordTable forger = table(OWNER, 7);
        forger.put("a", Bytes.utf8("forged"));
        assertFalse(owner.apply(full(forger), PEER).isNews());
        assertEquals(Bytes.utf8("1"), owner.of(OWNER).get("a"));
    }

    /** What a relay could do with a record: each of it is found, and leaves the view as it was. */
    @Property(tries = 500)
    void whatItsOwnerDidNotSignIsRefused(@ForAll long seed) {
        Random random = new Random(seed);
        History history = history(random, 20);
        RecordTable owner = history.last();
        RecordTable view = merged(full(history.states.get(random.nextInt(history.states.size()))));
        RecordDelta honest = random.nextBoolean() ? full(owner) : owner.since(view.digest(OWNER), Integer.MAX_VALUE);
        if (honest == null) {
            return;
        }
        RecordDelta forged = forged(honest, random);
        RecordDelta before = full(view);
        if (view.apply(forged, PEER).isNews()) { // what it forged was known here and not looked at
            assertEquals(full(owner), full(view), () -> honest + " became " + forged);
        } else {
            assertEquals(before, full(view), () -> honest + " became " + forged);
        }
        view.apply(full(owner), PEER);
        assertEquals(owner.of(OWNER), view.of(OWNER), "the honest one is taken all the same");
    }

    /** Its owner was gone before all of it had come. */
    @Test
    void aRecordOfWhichAPieceIsHereComesWholeFromOthers() {
        RecordTable owner = table(OWNER, 1);
        for (int i = 0; i < 10; i++) {
            owner.put("key" + i, Bytes.utf8("value"));
        }
        RecordTable view = observer();
        assertTrue(view.apply(owner.since(new RecordDigest(OWNER, 0, 0), 1), OWNER).isNews());
        assertNull(full(view), "a piece cannot be passed on");
        assertFalse(full(owner).equals(owner.since(new RecordDigest(OWNER, 0, 0), 1)));
        RecordTable other = merged(full(owner));
        assertEquals(RecordTable.Applied.Kind.GAP, view.apply(other.since(view.digest(OWNER), 10_000), PEER).kind());
        assertTrue(view.apply(other.since(view.reach(OWNER, PEER), 10_000), PEER).isNews());
        assertSame(other, view);
    }

    private static RecordDelta forged(RecordDelta honest, Random random) {
        List<RecordEntry> entries = new ArrayList<>(honest.entries());
        long upTo = honest.upTo();
        long boot = honest.boot();
        Bytes signature = honest.signature();
        int at = entries.isEmpty() ? 0 : random.nextInt(entries.size());
        switch (entries.isEmpty() ? 4 + random.nextInt(3) : random.nextInt(7)) {
            case 0 -> entries.remove(at);
            case 1 -> entries.set(at, new RecordEntry(entries.get(at).key(), entries.get(at).version(), Bytes.utf8("forged")));
            case 2 -> entries.set(at, new RecordEntry("forged", entries.get(at).version(), entries.get(at).value()));
            case 3 -> entries.set(at, new RecordEntry(entries.get(at).key(), entries.get(at).version(), null));
            case 4 -> upTo++;
            case 5 -> boot++;
            default -> signature = random.nextBoolean() ? Bytes.EMPTY : Bytes.utf8("mine");
        }
        return new RecordDelta(honest.node(), boot, boot == honest.boot() ? honest.base() : 0, upTo, entries, signature);
    }

    @Test
    void tombstonesReachViewsAndGoWithTheBoot() {
        RecordTable owner = table(OWNER, 1);
        RecordTable view = observer();
        owner.put("a", Bytes.utf8("1"));
        view.apply(full(owner), PEER);
        assertFalse(owner.put("a", Bytes.utf8("1")), "an equal value is no change");
        assertTrue(owner.remove("a"));
        assertFalse(owner.remove("a"));
        RecordDelta delta = owner.since(view.digest(OWNER), 1_000);
        assertTrue(delta.entries().get(0).isTombstone());
        view.apply(delta, PEER);
        assertEquals(Map.of(), view.of(OWNER));
        owner.raiseBoot(2);
        assertEquals(List.of(), full(owner).entries());
        assertEquals(RecordTable.Applied.Kind.NEW_BOOT, view.apply(full(owner), PEER).kind());
        assertEquals(2, view.boot(OWNER));
        assertNull(owner.since(view.digest(OWNER), 1_000));
    }

    @Test
    void aDeltaWithVersionsOutOfOrderIsRefused() {
        RecordEntry third = new RecordEntry("a", 3, Bytes.EMPTY);
        RecordEntry second = new RecordEntry("b", 2, Bytes.EMPTY);
        assertThrows(IllegalArgumentException.class, () -> new RecordDelta(OWNER, 1, 0, 3, List.of(third, second), Bytes.EMPTY));
        assertThrows(IllegalArgumentException.class, () -> new RecordDelta(OWNER, 1, 3, 3, List.of(), Bytes.EMPTY));
    }

    private static History history(Random random, int changes) {
        List<Consumer<RecordTable>> steps = new ArrayList<>();
        List<RecordTable> states = new ArrayList<>(List.of(replayed(steps)));
        long boot = 1;
        for (int i = 0; i < changes; i++) {
            String key = "key" + random.nextInt(5);
            int dice = random.nextInt(20);
            Bytes value = Bytes.utf8("value " + i);
            long next = dice == 0 ? ++boot : boot;
            steps.add(dice == 0 ? owner -> owner.raiseBoot(next) : dice < 6 ? owner -> owner.remove(key) : owner -> owner.put(key, value));
            states.add(replayed(steps));
        }
        return new History(states);
    }

    /** The owner after these steps. */
    private static RecordTable replayed(List<Consumer<RecordTable>> steps) {
        RecordTable owner = table(OWNER, 1);
        steps.forEach(step -> step.accept(owner));
        return owner;
    }

    private static RecordTable table(NodeId self, long boot) {
        return new RecordTable(self, boot, new SimSigning(self), id -> Bytes.utf8(id.value()));
    }

    private static RecordTable observer() {
        return table(new NodeId("observer"), 1);
    }

    private static RecordDelta full(RecordTable table) {
        return table.since(new RecordDigest(OWNER, 0, 0), Integer.MAX_VALUE);
    }

    private static RecordTable merged(RecordDelta... deltas) {
        RecordTable table = observer();
        for (RecordDelta delta : deltas) {
            table.apply(delta, PEER);
        }
        return table;
    }

    private static void assertSame(RecordTable expected, RecordTable actual) {
        assertEquals(expected.digest(), actual.digest());
        assertEquals(expected.of(OWNER), actual.of(OWNER));
        assertEquals(expected.fingerprints().total(), actual.fingerprints().total());
        assertEquals(full(expected), full(actual));
    }
}
