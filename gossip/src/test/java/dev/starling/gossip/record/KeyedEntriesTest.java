package dev.starling.gossip.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.starling.gossip.Bytes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Entries as they would be in a map, and a root that depends on them alone: not on their order, nor on what was asked or there before. */
class KeyedEntriesTest {
    @Property(tries = 100)
    void holdsWhatAMapHoldsAndItsRootFollowsFromThat(@ForAll long seed, @ForAll @IntRange(min = 1, max = 120) int keys) {
        Random random = new Random(seed);
        KeyedEntries entries = KeyedEntries.none();
        SortedMap<String, RecordEntry> expected = new TreeMap<>();
        for (int change = 0; change < 40; change++) {
            List<RecordEntry> changes = new ArrayList<>();
            for (int i = random.nextInt(9); i >= 0; i--) {
                changes.add(new RecordEntry("task/" + random.nextInt(keys), 10L * change + i, random.nextInt(5) == 0 ? null : Bytes.utf8("value " + i)));
            }
            KeyedEntries before = entries;
            Bytes root = before.root();
            entries = before.with(changes);
            changes.forEach(entry -> expected.put(entry.key(), entry));
            if (random.nextBoolean()) {
                entries.root();
            }
            assertEquals(root, anew(before).root(), "the state before is what it was");
        }
        SortedMap<String, RecordEntry> held = new TreeMap<>();
        entries.forEach(entry -> held.put(entry.key(), entry));
        assertEquals(expected, held);
        for (int key = 0; key < keys; key++) {
            assertEquals(expected.get("task/" + key), entries.get("task/" + key));
        }
        List<RecordEntry> shuffled = new ArrayList<>(expected.values());
        Collections.shuffle(shuffled, random);
        assertEquals(KeyedEntries.none().with(shuffled).root(), entries.root());
    }

    private static KeyedEntries anew(KeyedEntries entries) {
        List<RecordEntry> all = new ArrayList<>();
        entries.forEach(all::add);
        return KeyedEntries.none().with(all);
    }

    @Test
    void everyPartOfAnEntryCounts() {
        List<RecordEntry> states = List.of(new RecordEntry("key", 1, Bytes.utf8("a")), new RecordEntry("other", 1, Bytes.utf8("a")),
                new RecordEntry("key", 2, Bytes.utf8("a")), new RecordEntry("key", 2, Bytes.utf8("b")), new RecordEntry("key", 2, Bytes.EMPTY),
                new RecordEntry("key", 2, null));
        assertEquals(states.size(), states.stream().map(entry -> KeyedEntries.none().with(List.of(entry)).root()).distinct().count());
        assertNotEquals(KeyedEntries.none().root(), KeyedEntries.none().with(List.of(states.get(0))).root());
    }
}
