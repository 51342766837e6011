package dev.starling.gossip.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Records on states that a random owner reached: deltas in any order, cut anywhere, never make a view that is not a prefix of the owner's. */
class RecordLawsTest {
    private static final NodeId OWNER = new NodeId("owner");

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
    }

    @Property(tries = 300)
    void deltasGiveWhatTheFullStateGives(@ForAll long seed, @ForAll @IntRange(min = 1, max = 400) int maxBytes) {
        Random random = new Random(seed);
        History history = history(random, 40);
        RecordTable view = observer();
        for (int step = 0; step < 10; step++) { // a view that meets the owner now and then, and hears one cut delta each time
            RecordTable then = history.states.get(random.nextInt(history.states.size()));
            RecordDelta delta = then.since(view.digest(OWNER), maxBytes);
            if (delta != null) {
                assertTrue(view.apply(delta).isNews());
            }
        }
        for (RecordDelta rest = history.last().since(view.digest(OWNER), maxBytes); rest != null;
                rest = history.last().since(view.digest(OWNER), maxBytes)) {
            assertTrue(view.apply(rest).isNews());
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
        view.apply(full(history.states.get(0)));
        for (int i = 0; i < 60 && !pieces.isEmpty(); i++) {
            RecordDigest before = view.digest(OWNER);
            view.apply(pieces.get(random.nextInt(pieces.size())));
            assertFalse(before.isAheadOf(view.digest(OWNER)), "a view never goes back");
            RecordTable expected = history.states.stream().filter(s -> s.digest(OWNER).equals(view.digest(OWNER))).findFirst().orElseThrow();
            assertEquals(expected.of(OWNER), view.of(OWNER), "a view is always one that the owner had");
        }
    }

    @Test
    void aGapIsNotTaken() {
        RecordTable view = observer();
        RecordTable owner = new RecordTable(OWNER, 1);
        owner.put("a", Bytes.utf8("1"));
        owner.put("b", Bytes.utf8("2"));
        assertEquals(RecordTable.Applied.Kind.GAP, view.apply(owner.since(new RecordDigest(OWNER, 1, 2), 1_000)).kind());
        assertEquals(Map.of(), view.of(OWNER));
    }

    @Test
    void nobodyElseWritesTheOwnRecord() {
        RecordTable owner = new RecordTable(OWNER, 1);
        owner.put("a", Bytes.utf8("1"));
        RecordTable forger = new RecordTable(OWNER, 7);
        forger.put("a", Bytes.utf8("forged"));
        assertFalse(owner.apply(full(forger)).isNews());
        assertEquals(Bytes.utf8("1"), owner.of(OWNER).get("a"));
    }

    @Test
    void tombstonesReachViewsAndGoWithTheBoot() {
        RecordTable owner = new RecordTable(OWNER, 1);
        RecordTable view = observer();
        owner.put("a", Bytes.utf8("1"));
        view.apply(full(owner));
        assertFalse(owner.put("a", Bytes.utf8("1")), "an equal value is no change");
        assertTrue(owner.remove("a"));
        assertFalse(owner.remove("a"));
        RecordDelta delta = owner.since(view.digest(OWNER), 1_000);
        assertTrue(delta.entries().get(0).isTombstone());
        view.apply(delta);
        assertEquals(Map.of(), view.of(OWNER));
        owner.raiseBoot(2);
        assertEquals(List.of(), full(owner).entries());
        assertEquals(RecordTable.Applied.Kind.NEW_BOOT, view.apply(full(owner)).kind());
        assertEquals(2, view.boot(OWNER));
        assertNull(owner.since(view.digest(OWNER), 1_000));
    }

    @Test
    void aDeltaWithVersionsOutOfOrderIsRefused() {
        RecordEntry third = new RecordEntry("a", 3, Bytes.EMPTY);
        RecordEntry second = new RecordEntry("b", 2, Bytes.EMPTY);
        assertThrows(IllegalArgumentException.class, () -> new RecordDelta(OWNER, 1, 0, 3, List.of(third, second)));
        assertThrows(IllegalArgumentException.class, () -> new RecordDelta(OWNER, 1, 3, 3, List.of()));
    }

    private static History history(Random random, int changes) {
        List<RecordTable> states = new ArrayList<>();
        RecordTable owner = new RecordTable(OWNER, 1);
        states.add(copy(owner));
        long boot = 1;
        for (int i = 0; i < changes; i++) {
            String key = "key" + random.nextInt(5);
            int dice = random.nextInt(20);
            if (dice == 0) {
                owner.raiseBoot(++boot);
            } else if (dice < 6) {
                owner.remove(key);
            } else {
                owner.put(key, Bytes.utf8("value " + i));
            }
            states.add(copy(owner));
        }
        return new History(states);
    }

    /** A view of the owner's record at this moment. */
    private static RecordTable copy(RecordTable owner) {
        RecordTable copy = observer();
        copy.apply(full(owner));
        return copy;
    }

    private static RecordTable observer() {
        return new RecordTable(new NodeId("observer"), 1);
    }

    private static RecordDelta full(RecordTable table) {
        return table.since(new RecordDigest(OWNER, 0, 0), Integer.MAX_VALUE);
    }

    private static RecordTable merged(RecordDelta... deltas) {
        RecordTable table = observer();
        for (RecordDelta delta : deltas) {
            table.apply(delta);
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
